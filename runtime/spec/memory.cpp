#include "runtime/spec/memory.h"

#include <algorithm>
#include <numeric>

#include "runtime/base/error.h"

namespace muster::spec {

const char* phase_name(Phase phase) {
  constexpr std::array<const char*, kPhases.size()> kNames{
      "start", "load", "warmup", "generate", "reward", "logprob", "train", "refit", "checkpoint", "log", "finish"};
  const auto index = static_cast<std::size_t>(phase);
  return index < kNames.size() ? kNames[index] : "unknown";
}

const char* memory_owner_name(MemoryOwner owner) {
  constexpr std::array<const char*, kMemoryOwners.size()> kNames{"weights",      "gen_weights", "reference_weights",
                                                                 "main_weights", "moments",     "gradients",
                                                                 "kv_pages",     "activations", "logits"};
  return kNames[static_cast<std::size_t>(owner)];
}

std::int64_t MemoryFigures::total() const { return std::accumulate(bytes.begin(), bytes.end(), std::int64_t{0}); }

std::int64_t bytes_per_element(DataType dtype) {
  switch (dtype) {
    case DataType::fp32:
      return 4;
    case DataType::bf16:
      return 2;
    case DataType::fp8:
      return 1;
  }
  return 4;
}

Degrees train_degrees(const Job& job) {
  return {.tp = job.train.tp,
          .cp = job.train.cp,
          .ep = job.train.ep,
          .etp = job.train.etp,
          .dp = job.train.dp,
          .pp = job.train.pp,
          .vpp = job.train.vpp,
          .first_stage_layers = job.train.first_stage_layers,
          .last_stage_layers = job.train.last_stage_layers,
          .fsdp = job.train.fsdp};
}

Degrees gen_degrees(const Job& job) {
  return {
      .tp = job.gen.tp, .ep = job.gen.ep, .etp = job.gen.ep > 1 ? 1 : job.gen.tp, .dp = job.gen.dp, .pp = job.gen.pp};
}

bool generator_may_alias(const Job& job) {
  return job.refit.alias && job.placement.mode == PlacementMode::colocated && job.train.tp == job.gen.tp &&
         job.train.pp == 1 && job.gen.pp == 1 && job.train.fsdp == 0 && job.model.dtype == job.gen.dtype;
}

std::int64_t kv_page_bytes(const ModelFacts& facts, const Job& job) {
  const std::int64_t heads = kv_heads_of(facts, job.gen.tp, 0).size();
  const std::int64_t layers = (facts.num_layers + job.gen.pp - 1) / job.gen.pp;
  const DataType cache =
      job.gen.dtype == DataType::fp32 ? DataType::fp32 : DataType::bf16;  // fp8 weights keep a bf16 cache
  return 2 * job.gen.page_tokens * heads * facts.head_dim * layers * bytes_per_element(cache);
}

std::int64_t planned_kv_pages(const ModelFacts& facts, const Job& job) {
  if (job.gen.kv_gb > 0) return static_cast<std::int64_t>(job.gen.kv_gb * 1e9) / kv_page_bytes(facts, job);
  const std::int64_t share = (samples_per_step(job) + job.gen.dp - 1) / job.gen.dp;
  const std::int64_t running = std::min(job.gen.max_running_samples, share);
  const std::int64_t pages_each = (job.grpo.max_sequence_tokens + job.gen.page_tokens - 1) / job.gen.page_tokens;
  return running * pages_each;
}

namespace {

/// Of the stage that holds most, rounded up so that dp cuts it evenly.
std::int64_t largest_share(const ModelFacts& facts, Degrees degrees) {
  degrees.fsdp = 0;
  std::int64_t most = 0;
  for (std::int64_t stage = 0; stage < degrees.pp; ++stage)
    most = std::max(most, local_elements(facts, degrees, {.pp = stage}).total());
  return (most + degrees.dp - 1) / degrees.dp * degrees.dp;
}

}  // namespace

MemoryFigures predicted_memory(const ModelFacts& facts, const Job& job, bool trains, bool generates) {
  MemoryFigures figures;
  const std::int64_t compute = bytes_per_element(job.model.dtype);
  if (trains) {
    const std::int64_t elements = largest_share(facts, train_degrees(job));
    const std::int64_t own = elements / job.train.dp;                // of the optimizer's state
    const std::int64_t held = job.train.fsdp == 1 ? own : elements;  // of weights and gradients
    figures.of(MemoryOwner::weights) = held * compute;
    figures.of(MemoryOwner::main_weights) =
        job.model.dtype == DataType::fp32 ? 0 : own * 4;  // fp32 weights are their own main weights
    figures.of(MemoryOwner::moments) = own * 8;
    const bool slices = job.train.dp > 1 && job.train.fsdp == 0;  // the reduced slice lies beside the whole
    figures.of(MemoryOwner::gradients) = held * 4 + (slices ? own * 4 : 0);
    if (job.loss.kl_weight > 0) figures.of(MemoryOwner::reference_weights) = held * compute;
  }
  if (generates) {
    if (!generator_may_alias(job) || !trains) {
      Degrees degrees = gen_degrees(job);
      degrees.dp = 1;  // replicas pad nothing
      figures.of(MemoryOwner::gen_weights) = largest_share(facts, degrees) * bytes_per_element(job.gen.dtype);
    }
    figures.of(MemoryOwner::kv_pages) = planned_kv_pages(facts, job) * kv_page_bytes(facts, job);
  }
  return figures;
}

}  // namespace muster::spec
