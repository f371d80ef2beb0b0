// The owners of memory and the phases of a step, one enumeration for launcher and runtime; and the arithmetic of both.
#pragma once

#include <array>
#include <cstdint>

#include "runtime/spec/job.h"
#include "runtime/spec/parameters.h"

namespace muster::spec {

enum class Phase { start, load, warmup, generate, reward, logprob, train, refit, validate, checkpoint, log, finish };
inline constexpr std::array<Phase, 12> kPhases{Phase::start,    Phase::load,       Phase::warmup, Phase::generate,
                                               Phase::reward,   Phase::logprob,    Phase::train,  Phase::refit,
                                               Phase::validate, Phase::checkpoint, Phase::log,    Phase::finish};
const char* phase_name(Phase phase);

enum class MemoryOwner {
  weights,
  gen_weights,
  reference_weights,
  main_weights,
  moments,
  gradients,
  kv_pages,
  activations,
  logits,
  refit_buffers,
  communicators,  // buffers of NCCL
  context,  // the device's context, kernels, workspaces and graphs; on the host the process and its reward workers
  slack     // what the allocator loses between blocks
};
inline constexpr std::array<MemoryOwner, 13> kMemoryOwners{
    MemoryOwner::weights, MemoryOwner::gen_weights,   MemoryOwner::reference_weights, MemoryOwner::main_weights,
    MemoryOwner::moments, MemoryOwner::gradients,     MemoryOwner::kv_pages,          MemoryOwner::activations,
    MemoryOwner::logits,  MemoryOwner::refit_buffers, MemoryOwner::communicators,     MemoryOwner::context,
    MemoryOwner::slack};
const char* memory_owner_name(MemoryOwner owner);

/// Bytes by owner, in the order of kMemoryOwners.
struct MemoryFigures {
  std::array<std::int64_t, kMemoryOwners.size()> bytes{};
  std::int64_t& of(MemoryOwner owner) { return bytes[static_cast<std::size_t>(owner)]; }
  std::int64_t of(MemoryOwner owner) const { return bytes[static_cast<std::size_t>(owner)]; }
  std::int64_t total() const;
};

/// Bytes of one page of the cache on one rank: keys and values of every attention layer of a stage; of latent attention
/// the latent vector and the rotated key, on every rank of tp.
std::int64_t kv_page_bytes(const ModelFacts& facts, const Job& job);
/// Pages that the samples which may run at once need at full length.
std::int64_t needed_kv_pages(const ModelFacts& facts, const Job& job);
/// Pages of the cache on one rank as the job alone says: gen.kv_gb, or as many as are needed.
std::int64_t planned_kv_pages(const ModelFacts& facts, const Job& job);
/// What the rank that trains or generates and holds most keeps for the whole run where nothing moves, activations
/// aside. `kv_pages`: 0: as planned_kv_pages. Exact: the step record shows the same figures.
MemoryFigures predicted_memory(const ModelFacts& facts, const Job& job, bool trains, bool generates,
                               std::int64_t kv_pages = 0);
/// The same of one pipeline stage. Replicas share the optimizer's state: of dense weights over dp_cp, of experts over
/// edp.
MemoryFigures trainer_memory(const ModelFacts& facts, const Job& job, std::int64_t stage);
/// Weights of the generator's stage that holds most, 0 where it reads the trainer's own (`is_trainer`).
std::int64_t gen_weights_bytes(const ModelFacts& facts, const Job& job, bool is_trainer);
std::int64_t bytes_per_element(DataType dtype);
/// Trainer and generator want the very same bytes on the same rank: colocated, equal tp and pp, one dtype, no sharded
/// parameters.
bool generator_may_alias(const ModelFacts& facts, const Job& job);
/// The meshes that a job asks for. The generator cuts each expert over tp unless gen.ep deals out whole ones.
Degrees train_degrees(const Job& job);
Degrees gen_degrees(const Job& job);

}  // namespace muster::spec
