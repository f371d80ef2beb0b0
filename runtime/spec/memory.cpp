#include "runtime/spec/memory.h"

#include <algorithm>
#include <numeric>

#include "runtime/base/error.h"

namespace muster::spec {

const char* phase_name(Phase phase) {
  constexpr std::array<const char*, kPhases.size()> kNames{"start",    "load",       "warmup", "generate",
                                                           "reward",   "logprob",    "train",  "refit",
                                                           "validate", "checkpoint", "log",    "finish"};
  const auto index = static_cast<std::size_t>(phase);
  return index < kNames.size() ? kNames[index] : "unknown";
}

const char* memory_owner_name(MemoryOwner owner) {
  constexpr std::array<const char*, kMemoryOwners.size()> kNames{
      "weights",     "gen_weights", "reference_weights", "main_weights",  "moments", "gradients", "kv_pages",
      "activations", "logits",      "refit_buffers",     "communicators", "context", "slack"};
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

bool generator_may_alias(const ModelFacts& facts, const Job& job) {
  const Degrees train = train_degrees(job), gen = gen_degrees(job);
  const bool same_experts = facts.num_experts == 0 || (train.ep == gen.ep && train.etp == gen.etp);
  return job.refit.alias && job.placement.mode == PlacementMode::colocated && train.tp == gen.tp && same_experts &&
         train.pp == 1 && gen.pp == 1 && train.fsdp == 0 && job.model.dtype == job.gen.dtype;
}

namespace {

std::int64_t cache_element_bytes(const Job& job) {
  switch (job.gen.kv_dtype) {
    case CacheType::fp32:
      return 4;
    case CacheType::bf16:
      return 2;
    case CacheType::fp8:
      return 1;
    case CacheType::automatic:
      break;
  }
  return job.gen.dtype == DataType::fp32 ? 4 : 2;  // fp8 weights keep a bf16 cache
}

/// Of the layers of the stage that has most of them.
std::int64_t attention_layers(const ModelFacts& facts, const Degrees& degrees) {
  std::int64_t most = 0;
  for (std::int64_t stage = 0; stage < degrees.pp; ++stage) {
    const Range layers = layers_of(degrees, facts.num_layers, stage);
    std::int64_t count = 0;
    for (std::int64_t layer = layers.begin; layer < layers.end; ++layer) {
      const Mixer mixer = layer_kind(facts, layer).mixer;
      count += mixer == Mixer::attention || mixer == Mixer::latent_attention ? 1 : 0;
    }
    most = std::max(most, count);
  }
  return most;
}

}  // namespace

std::int64_t kv_page_bytes(const ModelFacts& facts, const Job& job) {
  const std::int64_t width = facts.kv_lora_rank > 0 ? facts.kv_lora_rank + facts.qk_rope_head_dim
                                                    : 2 * kv_heads_of(facts, job.gen.tp, 0).size() * facts.head_dim;
  return job.gen.page_tokens * width * attention_layers(facts, gen_degrees(job)) * cache_element_bytes(job);
}

std::int64_t needed_kv_pages(const ModelFacts&, const Job& job) {
  const std::int64_t share = divided_up(samples_per_step(job), job.gen.dp);
  const std::int64_t running = std::min(job.gen.max_running_samples, share);
  return running * divided_up(job.grpo.max_sequence_tokens, job.gen.page_tokens);
}

std::int64_t planned_kv_pages(const ModelFacts& facts, const Job& job) {
  if (job.gen.kv_gb > 0) return static_cast<std::int64_t>(job.gen.kv_gb * 1e9) / kv_page_bytes(facts, job);
  return needed_kv_pages(facts, job);
}

MemoryFigures trainer_memory(const ModelFacts& facts, const Job& job, std::int64_t stage) {
  const Degrees degrees = train_degrees(job);
  const Elements elements = local_elements(facts, degrees, {.pp = stage});
  const std::int64_t replicas = degrees.of(Axis::dp_cp);
  // Fully sharded, a rank has its rows alone. Otherwise each kind is padded so that its replicas share it evenly.
  const auto whole = [](std::int64_t count, std::int64_t parts) { return divided_up(count, parts) * parts; };
  const std::int64_t edp = degrees.of(Axis::edp);
  const std::int64_t multiple = replica_multiple(facts, degrees);
  const std::int64_t dense = whole(elements.dense, multiple), experts = whole(elements.experts, multiple);
  const std::int64_t held = dense + experts;
  const std::int64_t own = degrees.fsdp == 1 ? held : dense / replicas + experts / edp;
  const std::int64_t compute = bytes_per_element(job.model.dtype);
  MemoryFigures figures;
  figures.of(MemoryOwner::weights) = held * compute;
  figures.of(MemoryOwner::main_weights) =
      job.model.dtype == DataType::fp32 ? 0 : own * 4;  // fp32 weights are their own main weights
  figures.of(MemoryOwner::moments) = own * 8;
  // The reduced slice lies beside the whole, of what has replicas.
  const std::int64_t sliced = (replicas > 1 ? dense / replicas : 0) + (edp > 1 ? experts / edp : 0);
  figures.of(MemoryOwner::gradients) =
      held * bytes_per_element(job.train.grad_dtype) + (degrees.fsdp == 0 ? sliced * 4 : 0);
  if (uses_reference(job)) figures.of(MemoryOwner::reference_weights) = held * compute;
  return figures;
}

std::int64_t gen_weights_bytes(const ModelFacts& facts, const Job& job, bool is_trainer) {
  if (is_trainer && generator_may_alias(facts, job)) return 0;
  const Degrees degrees = gen_degrees(job);
  std::int64_t outer = 0;  // embedding, final norm and head stay in bf16 where the layers are fp8
  for (const Parameter& parameter : outer_parameters(facts)) outer += box_of(facts, parameter, degrees, {}).numel();
  std::int64_t most = 0;
  for (std::int64_t stage = 0; stage < degrees.pp; ++stage) {
    const Elements of_stage = local_elements(facts, degrees, {.pp = stage});
    std::int64_t elements = of_stage.total();
    if (of_stage.experts > 0) {  // which begin at a multiple
      const std::int64_t multiple = replica_multiple(facts, degrees);
      elements += divided_up(of_stage.dense, multiple) * multiple - of_stage.dense;
    }
    const std::int64_t in_bf16 = job.gen.dtype == DataType::fp8 ? std::min(outer, elements) : 0;
    most = std::max(most, (elements - in_bf16) * bytes_per_element(job.gen.dtype) + in_bf16 * 2);
  }
  return most;
}

MemoryFigures predicted_memory(const ModelFacts& facts, const Job& job, bool trains, bool generates,
                               std::int64_t kv_pages) {
  MemoryFigures figures;
  for (std::int64_t stage = 0; trains && stage < job.train.pp; ++stage) {
    const MemoryFigures of_stage = trainer_memory(facts, job, stage);
    for (const MemoryOwner owner : kMemoryOwners) figures.of(owner) = std::max(figures.of(owner), of_stage.of(owner));
  }
  if (generates) {
    figures.of(MemoryOwner::gen_weights) = gen_weights_bytes(facts, job, trains);
    figures.of(MemoryOwner::kv_pages) =
        (kv_pages > 0 ? kv_pages : planned_kv_pages(facts, job)) * kv_page_bytes(facts, job);
  }
  return figures;
}

}  // namespace muster::spec
