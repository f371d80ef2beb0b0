// Letters: T tokens, D model width, H query heads, K key/value heads, E head width.
#include "tests/runtime/train/twin.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "runtime/base/random.h"

namespace muster::train {
namespace {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return x / (x.square().mean(-1, true) + eps).sqrt() * weight;
}

at::Tensor rotate(const at::Tensor& x_THE, double theta) {
  const std::int64_t width = x_THE.size(2), half = width / 2;
  const at::Tensor frequencies = at::pow(theta, at::arange(half, at::kDouble) * (-2.0 / static_cast<double>(width)));
  const at::Tensor angles = at::arange(x_THE.size(0), at::kDouble).unsqueeze(1) * frequencies;
  const at::Tensor cosine = at::cat({angles, angles}, 1).cos().unsqueeze(1),
                   sine = at::cat({angles, angles}, 1).sin().unsqueeze(1);
  const at::Tensor turned = at::cat({-x_THE.slice(2, half), x_THE.slice(2, 0, half)}, 2);
  return x_THE * cosine + turned * sine;
}

at::Tensor tokens_of(std::span<const std::int32_t> prompt, std::span<const std::int32_t> answer) {
  std::vector<std::int64_t> tokens(prompt.begin(), prompt.end());
  tokens.insert(tokens.end(), answer.begin(), answer.end());
  return at::tensor(tokens, at::kLong);
}

double wave(std::int64_t id, std::int64_t position) {
  return std::sin(3.0 * static_cast<double>(id) + static_cast<double>(position));
}

at::Tensor waves(const Sequence& sequence) {
  std::vector<double> values;
  for (std::size_t p = 0; p < sequence.answer.size(); ++p)
    values.push_back(wave(sequence.id, static_cast<std::int64_t>(p)));
  return at::tensor(values, at::kDouble);
}

}  // namespace

spec::ModelFacts tiny_facts(spec::Family family) {
  spec::ModelFacts facts{.family = family,
                         .hidden_size = 24,
                         .num_layers = 2,
                         .num_heads = 4,
                         .num_kv_heads = 2,
                         .head_dim = 8,
                         .intermediate_size = 40,
                         .vocab_size = 36,
                         .max_position_embeddings = 64};
  facts.tied_embeddings = family == spec::Family::qwen3;
  facts.qk_norm = family == spec::Family::qwen3 || family == spec::Family::qwen3_moe;
  if (family == spec::Family::qwen3_moe) {
    facts.num_experts = 4;
    facts.experts_per_token = 2;
    facts.expert_intermediate_size = 20;
    facts.normalize_expert_weights = true;
  }
  if (family == spec::Family::deepseek_v3) {
    facts.num_experts = 4;
    facts.experts_per_token = 2;
    facts.expert_intermediate_size = 20;
    facts.shared_intermediate_size = 28;
    facts.num_dense_layers = 1;
    facts.num_expert_groups = 2;
    facts.top_expert_groups = 1;
    facts.router_sigmoid = facts.normalize_expert_weights = true;
    facts.expert_weights_scale = 1.5;
    facts.num_kv_heads = 4;
    facts.q_lora_rank = 14;
    facts.kv_lora_rank = 10;
    facts.qk_nope_head_dim = 6;
    facts.qk_rope_head_dim = 4;
    facts.head_dim = 10;
    facts.v_head_dim = 8;
  }
  facts.attention_bias = family == spec::Family::qwen2;
  facts.end_tokens = {0};
  return facts;
}

NamedTensors random_weights(const spec::ModelFacts& facts) {
  NamedTensors weights;
  std::uint64_t stream = 0;
  for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
    const base::RandomKey key(11, base::Purpose::test, stream++);
    std::vector<float> values(static_cast<std::size_t>(parameter.numel()));
    const bool is_norm = parameter.name.ends_with("norm.weight");
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(0.25 * key.normal(i) + (is_norm ? 1 : 0));
    weights[parameter.name] = at::tensor(values, at::kFloat).view(parameter.shape).to(at::kDouble);
  }
  return weights;
}

at::Tensor box_of_tensor(const at::Tensor& global, const spec::Box& box) {
  at::Tensor piece = global;
  for (std::size_t dim = 0; dim < box.ranges.size(); ++dim) {
    piece = piece.slice(static_cast<std::int64_t>(dim), box.ranges[dim].begin, box.ranges[dim].end);
  }
  return piece;
}

void fill_store(weights::ShardStore& store, const NamedTensors& global) {
  for (const weights::Shard& shard : store.shards()) {
    store.view(shard.parameter.name).copy_(box_of_tensor(global.at(shard.parameter.name), shard.box));
  }
}

Rollout random_rollout(std::int64_t num_groups, std::int64_t num_samples, std::int64_t vocab_size) {
  const base::RandomKey key(12, base::Purpose::test);
  std::uint64_t draw = 0;
  const auto number = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(key.uniform(draw++) * static_cast<double>(high - low));
  };
  Rollout rollout;
  rollout.tokens.reserve(static_cast<std::size_t>(num_groups * (num_samples + 1)));
  const auto random_tokens = [&](std::int64_t count) -> const std::vector<std::int32_t>& {
    auto& tokens = rollout.tokens.emplace_back();
    for (std::int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<std::int32_t>(number(0, vocab_size)));
    return tokens;
  };
  for (std::int64_t group = 0; group < num_groups; ++group) {
    const auto& prompt = random_tokens(number(1, 9));
    for (std::int64_t sample = 0; sample < num_samples; ++sample) {
      rollout.sequences.push_back({.id = group * num_samples + sample,
                                   .group = group,
                                   .prompt = prompt,
                                   .answer = random_tokens(number(1, 8))});
    }
  }
  return rollout;
}

double answer_tokens(const std::vector<Sequence>& sequences) {
  std::size_t count = 0;
  for (const Sequence& sequence : sequences) count += sequence.answer.size();
  return static_cast<double>(count);
}

Loss wavy_loss(std::vector<Sequence> sequences, double global_tokens) {
  return [sequences = std::move(sequences), global_tokens](const parallel::TokenLogprobs& scores,
                                                           const PackedBatch& batch) {
    std::vector<float> values;
    for (std::size_t n = 0; n < batch.sequence_of_N.size(); ++n) {
      values.push_back(static_cast<float>(wave(sequences[batch.sequence_of_N[n]].id, batch.position_of_N[n])));
    }
    return (at::tensor(values) * scores.logprobs_N + scores.logprobs_N.square() / 20).sum() / global_tokens;
  };
}

Twin::Twin(const spec::ModelFacts& facts, const spec::Job& job, NamedTensors weights)
    : facts_(facts), job_(job), weights_(std::move(weights)) {
  for (auto& [name, weight] : weights_) {
    weight = weight.clone().requires_grad_();
    first_[name] = at::zeros_like(weight.detach());
    second_[name] = at::zeros_like(weight.detach());
  }
}

Twin::AllHeads Twin::heads(const std::string& self_attn, const at::Tensor& normed) const {
  const auto one = [&](const std::string& name, std::int64_t count) {
    at::Tensor y = normed.matmul(weight(self_attn + name + "_proj.weight").t());
    if (facts_.attention_bias) y = y + weight(self_attn + name + "_proj.bias");
    y = y.view({normed.size(0), count, facts_.head_dim});
    if (facts_.qk_norm && name != "v") y = rms_norm(y, weight(self_attn + name + "_norm.weight"), facts_.rms_norm_eps);
    return name == "v" ? y : rotate(y, facts_.rope_theta);
  };
  const std::int64_t repeats = facts_.num_heads / facts_.num_kv_heads;
  return {one("q", facts_.num_heads), one("k", facts_.num_kv_heads).repeat_interleave(repeats, 1),
          one("v", facts_.num_kv_heads).repeat_interleave(repeats, 1)};
}

/// Heads of latent attention as the published code makes them: rotated parts are put into halves, then turned.
Twin::AllHeads Twin::latent_heads(const std::string& self_attn, const at::Tensor& normed) const {
  const std::int64_t T = normed.size(0), H = facts_.num_heads, N = facts_.qk_nope_head_dim, R = facts_.qk_rope_head_dim,
                     L = facts_.kv_lora_rank, V = facts_.v_head_dim;
  constexpr double kEps = 1e-6;
  const auto times = [&](const at::Tensor& x, const std::string& name) {
    return x.matmul(weight(self_attn + name + ".weight").t());
  };
  const auto norm = [&](const at::Tensor& x, const std::string& name) {
    return rms_norm(x, weight(self_attn + name + ".weight"), kEps);
  };
  const auto turned = [&](const at::Tensor& x_THR) {
    return rotate(at::cat({x_THR.slice(2, 0, R, 2), x_THR.slice(2, 1, R, 2)}, 2), facts_.rope_theta);
  };
  const at::Tensor q = (facts_.q_lora_rank > 0 ? times(norm(times(normed, "q_a_proj"), "q_a_layernorm"), "q_b_proj")
                                               : times(normed, "q_proj"))
                           .view({T, H, N + R});
  const at::Tensor down = times(normed, "kv_a_proj_with_mqa");
  const at::Tensor kv = times(norm(down.slice(1, 0, L), "kv_a_layernorm"), "kv_b_proj").view({T, H, N + V});
  const at::Tensor key = turned(down.slice(1, L).unsqueeze(1)).expand({T, H, R});
  return {at::cat({q.slice(2, 0, N), turned(q.slice(2, N))}, 2), at::cat({kv.slice(2, 0, N), key}, 2), kv.slice(2, N)};
}

at::Tensor Twin::logits(const at::Tensor& tokens_T) const {
  const std::int64_t T = tokens_T.size(0), E = facts_.head_dim;
  at::Tensor x_TD = weight("model.embed_tokens.weight").index_select(0, tokens_T);
  const at::Tensor future = at::ones({T, T}, at::kBool).triu(1);
  for (std::int64_t layer = 0; layer < facts_.num_layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".", self_attn = prefix + "self_attn.";
    const at::Tensor normed = rms_norm(x_TD, weight(prefix + "input_layernorm.weight"), facts_.rms_norm_eps);
    const AllHeads all = facts_.kv_lora_rank > 0 ? latent_heads(self_attn, normed) : heads(self_attn, normed);
    const at::Tensor q = all.q_THE.transpose(0, 1), k = all.k_THE.transpose(0, 1), v = all.v_THV.transpose(0, 1);
    const at::Tensor scores = (q.matmul(k.transpose(1, 2)) / std::sqrt(static_cast<double>(E)))
                                  .masked_fill(future, -std::numeric_limits<double>::infinity());
    const at::Tensor o = scores.softmax(-1).matmul(v).transpose(0, 1).reshape({T, -1});
    x_TD = x_TD + o.matmul(weight(self_attn + "o_proj.weight").t());
    const at::Tensor after = rms_norm(x_TD, weight(prefix + "post_attention_layernorm.weight"), facts_.rms_norm_eps);
    const bool is_dense = spec::layer_kind(facts_, layer).feed_forward == spec::FeedForward::dense;
    x_TD = x_TD + (is_dense ? feed_forward(prefix + "mlp.", after) : experts(prefix + "mlp.", after));
  }
  x_TD = rms_norm(x_TD, weight("model.norm.weight"), facts_.rms_norm_eps);
  return x_TD.matmul(weight(facts_.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight").t());
}

at::Tensor Twin::feed_forward(const std::string& at, const at::Tensor& x_TD) const {
  const at::Tensor gate = x_TD.matmul(weight(at + "gate_proj.weight").t());
  const at::Tensor up = x_TD.matmul(weight(at + "up_proj.weight").t());
  return (at::silu(gate) * up).matmul(weight(at + "down_proj.weight").t());
}

/// Every expert sees every token, with weight 0 where it is not chosen.
at::Tensor Twin::experts(const std::string& mlp, const at::Tensor& x_TD) const {
  const at::Tensor logits_TX = x_TD.matmul(weight(mlp + "gate.weight").t());
  const at::Tensor scores_TX = facts_.router_sigmoid ? logits_TX.sigmoid() : logits_TX.softmax(-1);
  at::Tensor values_TX = scores_TX.detach();
  if (facts_.router_sigmoid) values_TX = values_TX + weight(mlp + "gate.e_score_correction_bias").detach().sum(0);
  if (facts_.num_expert_groups > 1) {
    const at::Tensor values_TGM = values_TX.view({x_TD.size(0), facts_.num_expert_groups, -1});
    const at::Tensor best = std::get<1>(std::get<0>(values_TGM.topk(2, -1)).sum(-1).topk(facts_.top_expert_groups, -1));
    const at::Tensor is_in = at::zeros({x_TD.size(0), facts_.num_expert_groups}, at::kBool).scatter(1, best, true);
    values_TX = values_TGM.masked_fill(is_in.logical_not().unsqueeze(-1), -std::numeric_limits<double>::infinity())
                    .view(values_TX.sizes());
  }
  const at::Tensor chosen_TC = std::get<1>(values_TX.topk(facts_.experts_per_token, -1));
  at::Tensor weights_TX = scores_TX * at::zeros_like(scores_TX).scatter(1, chosen_TC, 1.0);
  if (facts_.normalize_expert_weights) weights_TX = weights_TX / weights_TX.sum(-1, true);
  weights_TX = weights_TX * facts_.expert_weights_scale;
  at::Tensor sum_TD =
      facts_.shared_intermediate_size > 0 ? feed_forward(mlp + "shared_experts.", x_TD) : at::zeros_like(x_TD);
  for (std::int64_t x = 0; x < facts_.num_experts; ++x)
    sum_TD = sum_TD + weights_TX.narrow(1, x, 1) * feed_forward(mlp + "experts." + std::to_string(x) + ".", x_TD);
  return sum_TD;
}

at::Tensor Twin::logprobs(const Sequence& sequence) const {
  const at::Tensor tokens = tokens_of(sequence.prompt, sequence.answer);
  const at::Tensor all = (logits(tokens) / job_.sampling.temperature).log_softmax(-1);
  const auto begin = std::ssize(sequence.prompt);
  return all.slice(0, begin - 1, -1).gather(1, tokens.slice(0, begin).unsqueeze(1)).squeeze(1);
}

UpdateFigures Twin::update(const std::vector<Sequence>& sequences, double lr) {
  for (auto& [name, weight] : weights_) weight.mutable_grad() = at::Tensor();
  at::Tensor loss = at::zeros({}, at::kDouble);
  for (const Sequence& sequence : sequences) {
    const at::Tensor logprobs = this->logprobs(sequence);
    loss = loss + (waves(sequence) * logprobs + logprobs.square() / 20).sum() / answer_tokens(sequences);
  }
  loss.backward();
  const at::NoGradGuard no_graph;
  double squares = 0;
  const auto is_frozen = [&](const std::string& name) {
    const bool is_bias = name.ends_with("e_score_correction_bias");
    return is_bias || (job_.moe.freeze_router && name.ends_with("mlp.gate.weight"));
  };
  for (const auto& [name, weight] : weights_) {
    gradients_[name] = weight.grad().defined() ? weight.grad().clone() : at::zeros_like(weight);
    if (!is_frozen(name)) squares += gradients_[name].square().sum().item<double>();
  }
  const UpdateFigures figures{.loss = loss.item<double>(), .grad_norm = std::sqrt(squares)};
  const spec::OptimizerJob& optimizer = job_.optimizer;
  const double scale = optimizer.max_grad_norm > 0 ? std::min(1.0, optimizer.max_grad_norm / figures.grad_norm) : 1;
  ++num_updates_;
  for (auto& [name, weight] : weights_) {
    if (is_frozen(name)) continue;
    const at::Tensor gradient = gradients_[name] * scale;
    first_[name] = optimizer.beta1 * first_[name] + (1 - optimizer.beta1) * gradient;
    second_[name] = optimizer.beta2 * second_[name] + (1 - optimizer.beta2) * gradient * gradient;
    const at::Tensor first = first_[name] / (1 - std::pow(optimizer.beta1, num_updates_));
    const at::Tensor second = second_[name] / (1 - std::pow(optimizer.beta2, num_updates_));
    if (weight.dim() > 1) weight.mul_(1 - lr * optimizer.weight_decay);
    weight.sub_(lr * first / (second.sqrt() + optimizer.eps));
  }
  return figures;
}

}  // namespace muster::train
