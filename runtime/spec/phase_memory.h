// Bytes of one rank in each phase of a step, each byte with its owner; what moves to the host between phases where not
// everything fits; and how many pages the cache gets. Arithmetic over the table of parameters and the buffers that the
// runtime makes. Weights, gradients and optimizer state are exact; activations, logits, communicators, context and
// slack are estimates.
#pragma once

#include <vector>

#include "runtime/spec/memory.h"

namespace muster::spec {

/// What a rank has.
struct RankLimits {
  bool is_gpu = false;
  std::int64_t device_bytes = 0;  // of its GPU; 0: not known, and nothing moves
};

/// What leaves the device outside the phases that use it; each kind includes the ones before. Pages and the generator's
/// weights are given back and mapped again at the same address (the refit fills the weights); gradients are freed; the
/// rest waits in pinned host memory.
enum class OffloadLevel {
  none,     // all stays for the whole run
  pages,    // pages of the cache
  state,    // and gradients, main weights, moments, the reference
  weights,  // and the weights of the side that rests
};
const char* offload_level_name(OffloadLevel moves);

/// Whether the owner's bytes are on the device in the phase. `aliases`: the generator reads the trainer's weights.
bool is_on_device(MemoryOwner owner, Phase phase, OffloadLevel moves, bool aliases);
/// What leaves without a copy on the host: it is made anew before it is read.
bool is_given_back(MemoryOwner owner);

struct PhaseMemory {
  Phase phase = Phase::train;
  std::int64_t stage = 0;  // the pipeline stage that needs most
  MemoryFigures device, host;
};

/// The plan for one kind of rank: of a role, the stage that needs most.
struct RankMemory {
  bool trains = false, generates = false;
  OffloadLevel moves = OffloadLevel::none;
  std::int64_t kv_pages = 0, needed_kv_pages = 0;
  std::vector<PhaseMemory> phases;  // generate, logprob, train, refit, checkpoint, as far as the role has them
  const PhaseMemory& largest() const;
  std::int64_t most_host_bytes() const;
};

/// Chooses the least that must move so that every phase fits and the cache gets what it is promised: gen.kv_gb; or
/// gen.memory_share of the GPU for weights and pages together; or, where neither is given, at least a quarter of the
/// GPU; never more than the running samples need. Where even that cannot be, everything moves and the cache gets what
/// is left, at least the pages of one sample: some phase may then exceed the limit.
RankMemory rank_memory(const ModelFacts& facts, const Job& job, const RankLimits& limits, bool trains, bool generates);

/// The parts of a phase that are no estimate: where they alone exceed the GPU, no luck will make it fit.
std::int64_t exact_bytes(const MemoryFigures& device);

}  // namespace muster::spec
