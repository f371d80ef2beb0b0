// Small random decoders for the tests of this room: the same weights under any tp.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "runtime/base/random.h"
#include "runtime/comm/communicator.h"
#include "runtime/generate/generator.h"
#include "runtime/model/decoder.h"
#include "runtime/parallel/mesh.h"
#include "runtime/weights/shard_store.h"

namespace muster::generate {

inline spec::ModelFacts small_llama() {
  return {.family = spec::Family::llama,
          .hidden_size = 24,
          .num_layers = 2,
          .num_heads = 4,
          .num_kv_heads = 2,
          .head_dim = 8,
          .intermediate_size = 40,
          .vocab_size = 96,
          .max_position_embeddings = 128,
          .tied_embeddings = true,
          .rms_norm_eps = 1e-5,
          .end_tokens = {3}};
}

inline spec::ModelFacts small_qwen3() {
  return {.family = spec::Family::qwen3,
          .hidden_size = 32,
          .num_layers = 3,
          .num_heads = 4,
          .num_kv_heads = 4,
          .head_dim = 16,
          .intermediate_size = 48,
          .vocab_size = 130,
          .max_position_embeddings = 128,
          .qk_norm = true,
          .rope_theta = 1e6,
          .end_tokens = {3}};
}

/// Eight experts of which three see a token, in all layers but the first.
inline spec::ModelFacts small_qwen3_moe() {
  spec::ModelFacts facts = small_qwen3();
  facts.family = spec::Family::qwen3_moe;
  facts.num_experts = 8;
  facts.experts_per_token = 3;
  facts.expert_intermediate_size = 20;
  facts.normalize_expert_weights = true;
  facts.dense_layers = {0};
  return facts;
}

/// Latent attention, eight experts in groups of which three see a token and a shared one, a dense layer first.
inline spec::ModelFacts small_deepseek() {
  spec::ModelFacts facts = small_qwen3_moe();
  facts.family = spec::Family::deepseek_v3;
  facts.qk_norm = false;
  facts.dense_layers = {};
  facts.num_dense_layers = 1;
  facts.shared_intermediate_size = 24;
  facts.num_expert_groups = 4;
  facts.top_expert_groups = 2;
  facts.router_sigmoid = true;
  facts.expert_weights_scale = 1.5;
  facts.vocab_size = 132;  // tp may be 4
  facts.q_lora_rank = 20;
  facts.kv_lora_rank = 12;
  facts.qk_nope_head_dim = 10;
  facts.qk_rope_head_dim = 6;
  facts.v_head_dim = 8;
  return facts;
}

/// The whole tensor of one parameter: normal, norms around 1.
inline at::Tensor whole_weight(const spec::Parameter& parameter) {
  const base::RandomKey key(base::hash_bytes(parameter.name.data(), parameter.name.size()), base::Purpose::test);
  at::Tensor whole = at::empty(parameter.shape);
  const bool is_norm = parameter.shape.size() == 1;
  for (std::int64_t i = 0; i < whole.numel(); ++i) {
    const double normal = key.normal(static_cast<std::uint64_t>(i));
    whole.data_ptr<float>()[i] = static_cast<float>(is_norm ? 1 + 0.1 * normal : 0.3 * normal);
  }
  return whole;
}

/// Weights, decoder and communicator of one tp rank.
struct SmallModel {
  comm::Communicator& tp;
  spec::ModelFacts facts;
  weights::ShardStore store;
  model::Decoder decoder;

  SmallModel(const spec::ModelFacts& model, comm::Communicator& group)
      : SmallModel(model, group, {.tp = group.size()}, {.tp = group.rank()}, {}) {}
  SmallModel(const spec::ModelFacts& model, parallel::Mesh& mesh)
      : SmallModel(model, mesh.tp(), mesh.degrees(), mesh.coordinates(), parallel::expert_layout(mesh, {})) {}

 private:
  SmallModel(const spec::ModelFacts& model, comm::Communicator& group, const spec::Degrees& degrees,
             const spec::Coordinates& place, const parallel::ExpertLayout& experts)
      : tp(group),
        facts(model),
        store(weights::shards_of(model, degrees, place), at::kFloat, at::kCPU),
        decoder(facts, store, nullptr, tp, 0, parallel::Tokens::all, experts) {
    at::set_num_threads(1);  // many small operations: a second thread costs more than it brings on a busy machine
    for (const weights::Shard& shard : store.shards()) {
      at::Tensor piece = whole_weight(shard.parameter);
      for (std::size_t dim = 0; dim < shard.box.ranges.size(); ++dim) {
        const spec::Range& range = shard.box.ranges[dim];
        piece = piece.narrow(static_cast<std::int64_t>(dim), range.begin, range.size());
      }
      store.view(shard.parameter.name).copy_(piece);
    }
  }
};

inline GeneratorOptions roomy_options() {
  return {.sampling = {.temperature = 0.8, .max_new_tokens = 12},
          .seed = 5,
          .max_sequence_tokens = 48,
          .page_tokens = 16,
          .num_pages = 400,
          .max_batch_tokens = 8192,
          .max_running_samples = 256,
          .stop_tokens = {3}};
}

inline std::vector<Request> ragged_prompts(std::int64_t groups, std::int64_t samples, std::int64_t vocab_size) {
  const base::RandomKey key(11, base::Purpose::test);
  std::vector<Request> requests;
  for (std::int64_t group = 0; group < groups; ++group) {
    const auto words = key.at(static_cast<std::uint64_t>(group));
    Request request{.group = group, .num_samples = samples};
    for (std::uint64_t i = 0; i < 1 + words[0] % 30; ++i) {
      request.prompt.push_back(static_cast<std::int32_t>(key.at(1000 * static_cast<std::uint64_t>(group + 1) + i)[1] %
                                                         static_cast<std::uint64_t>(vocab_size)));
    }
    requests.push_back(request);
  }
  return requests;
}

}  // namespace muster::generate
