// The trainer's twin for tests: a decoder as one would write it down first, in float64, one sequence at a time,
// differentiated by autograd, with clipping and AdamW by their formulas. It shares no code with the runtime but the
// table of parameters.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "runtime/spec/job.h"
#include "runtime/spec/parameters.h"
#include "runtime/train/trainer.h"
#include "runtime/weights/shard_store.h"

namespace muster::train {

/// A tiny decoder whose every dimension differs. kind: of spec::Family; Qwen3 has q/k norms and tied embeddings, Qwen2
/// biases; Qwen3-MoE 4 experts, of which 2 see a token, q/k norms and an untied head; DeepSeek-V3 those in two groups,
/// a shared one, a dense layer first, and latent attention.
spec::ModelFacts tiny_facts(spec::Family family);

/// Random global weights by name, float32 numbers in float64 tensors.
using NamedTensors = std::map<std::string, at::Tensor>;
NamedTensors random_weights(const spec::ModelFacts& facts);
/// Copies this rank's boxes of the global tensors into the store.
void fill_store(weights::ShardStore& store, const NamedTensors& global);
at::Tensor box_of_tensor(const at::Tensor& global, const spec::Box& box);

/// Groups of samples with tokens of their own, drawn from a fixed key.
struct Rollout {
  std::vector<std::vector<std::int32_t>> tokens;
  std::vector<Sequence> sequences;
};
Rollout random_rollout(std::int64_t num_groups, std::int64_t num_samples, std::int64_t vocab_size);
double answer_tokens(const std::vector<Sequence>& sequences);

/// A loss that depends on sequence, position and log-probability: mean over all tokens of a * lp + lp^2 / 20, a = sin(3
/// id + position).
Loss wavy_loss(std::vector<Sequence> sequences, double global_tokens);

class Twin {
 public:
  Twin(const spec::ModelFacts& facts, const spec::Job& job, NamedTensors weights);

  /// Log-probabilities of the answer, with gradient.
  at::Tensor logprobs(const Sequence& sequence) const;
  UpdateFigures update(const std::vector<Sequence>& sequences, double lr);

  const NamedTensors& weights() const { return weights_; }
  const NamedTensors& gradients() const { return gradients_; }  // of the last update, before clipping

 private:
  struct AllHeads {
    at::Tensor q_THE, k_THE, v_THV;
  };
  AllHeads heads(const std::string& self_attn, const at::Tensor& normed) const;
  AllHeads latent_heads(const std::string& self_attn, const at::Tensor& normed) const;
  at::Tensor logits(const at::Tensor& tokens_T) const;
  at::Tensor feed_forward(const std::string& at, const at::Tensor& x_TD) const;
  at::Tensor experts(const std::string& mlp, const at::Tensor& x_TD) const;
  at::Tensor weight(const std::string& name) const { return weights_.at(name); }

  spec::ModelFacts facts_;
  spec::Job job_;
  NamedTensors weights_, gradients_, first_, second_;
  std::int64_t num_updates_ = 0;
};

}  // namespace muster::train
