// The owners of memory and the phases of a step, one enumeration for launcher and runtime; and the arithmetic of both.
#pragma once

#include <array>
#include <cstdint>

#include "runtime/spec/job.h"
#include "runtime/spec/parameters.h"

namespace muster::spec {

enum class Phase { start, load, warmup, generate, reward, logprob, train, refit, checkpoint, log, finish };
inline constexpr std::array<Phase, 11> kPhases{Phase::start,      Phase::load,    Phase::warmup, Phase::generate,
                                               Phase::reward,     Phase::logprob, Phase::train,  Phase::refit,
                                               Phase::checkpoint, Phase::log,     Phase::finish};
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
  logits
};
inline constexpr std::array<MemoryOwner, 9> kMemoryOwners{
    MemoryOwner::weights,      MemoryOwner::gen_weights, MemoryOwner::reference_weights,
    MemoryOwner::main_weights, MemoryOwner::moments,     MemoryOwner::gradients,
    MemoryOwner::kv_pages,     MemoryOwner::activations, MemoryOwner::logits};
const char* memory_owner_name(MemoryOwner owner);

/// Bytes by owner, in the order of kMemoryOwners.
struct MemoryFigures {
  std::array<std::int64_t, kMemoryOwners.size()> bytes{};
  std::int64_t& of(MemoryOwner owner) { return bytes[static_cast<std::size_t>(owner)]; }
  std::int64_t of(MemoryOwner owner) const { return bytes[static_cast<std::size_t>(owner)]; }
  std::int64_t total() const;
};

/// Bytes of one page of the cache on one rank: keys and values of every layer.
std::int64_t kv_page_bytes(const ModelFacts& facts, const Job& job);
/// Pages of the cache on one rank, when gen.kv_gb does not say: room for the running samples at full length, at most.
std::int64_t planned_kv_pages(const ModelFacts& facts, const Job& job);
/// What a rank that trains and generates (colocated) or does one of both holds for the whole run, activations aside.
MemoryFigures predicted_memory(const ModelFacts& facts, const Job& job, bool trains, bool generates);
std::int64_t bytes_per_element(DataType dtype);
/// Trainer and generator want the very same bytes on the same rank: colocated, equal tp and pp, one dtype, no sharded
/// parameters.
bool generator_may_alias(const Job& job);
/// The meshes that a job asks for. The generator cuts each expert over tp unless gen.ep deals out whole ones.
Degrees train_degrees(const Job& job);
Degrees gen_degrees(const Job& job);

}  // namespace muster::spec
