// The clipped policy loss over the scored tokens of one micro batch, with KL to a reference and the correction of
// generator against trainer. Letters: N scored tokens, S sequences, T tokens of the
// longest.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::grpo {

/// Which of N tokens belong together, for sums over sequences in one order on every device.
struct SequenceIndex {
  at::Tensor sequence_N;  // int64: the sequence of each token, below S
  at::Tensor tokens_ST;   // int64: the tokens of each sequence, as indices into N; N where it has no more
};
/// `sequence_of_N` may number the sequences as it likes: those that are there count, in order of their first token.
SequenceIndex sequence_index(const std::vector<std::int64_t>& sequence_of_N, const at::Device& device);

/// What the loss of one micro batch needs of its N tokens; float32, on one device, without gradient except logprobs_N
/// and entropy_N.
struct TokenInputs {
  at::Tensor logprobs_N;            // current policy, with gradient
  at::Tensor old_logprobs_N;        // trainer before this step's updates; may be undefined when loss.force_on_policy
  at::Tensor gen_logprobs_N;        // generator; may be undefined when there is no correction
  at::Tensor reference_logprobs_N;  // undefined when kl_weight is 0
  at::Tensor advantages_N;
  at::Tensor entropy_N = {};  // current policy, with gradient; may be undefined when entropy_weight is 0
  // by the reduction (loop/mini_batch.h); 0: masked out
  at::Tensor weights_N;
  SequenceIndex sequences;  // needed where spec::looks_at_samples
};

/// Figures are sums over N of weights_N times the figure of the token: over micro batches and ranks they add up to the
/// mean, where the weights add up to 1.
struct LossFigures {
  double kl = 0;               // KL estimate, clamped, before kl_weight
  double clip_share = 0;       // tokens whose gradient the clip (low, high or dual) takes away; cispo: clamped ratios
  double ratio_mean = 0;       // current / old probability: r above
  double correction_mean = 0;  // importance weight of trainer against generator as applied (1 when off)
};
struct LossParts {
  at::Tensor loss;       // scalar float32 with gradient: policy part, entropy and KL
  at::Tensor figures_4;  // LossFigures in their order, float64, on the device: the host need not wait for each
};
/// Of one micro batch, or of a sum over several. Waits for the device.
LossFigures on_host(const at::Tensor& figures_4);

/// With r = exp(logprob - old) of the token, or at RatioLevel::sequence of its sequence: exp of the mean of logprob -
/// old over the sequence's tokens that have a weight, A the advantage and c the correction, the loss of a token is
///   c * max(-A r, -A clamp(r, 1 - clip_low, 1 + clip_high)), and where A < 0 at most c * (-A) * dual_clip (when on),
/// or, with PolicyForm::cispo, where the clamped ratio is a constant,
///   -c * A * clamp(r, 1 - clip_low, 1 + clip_high) * logprob;
/// minus entropy_weight * entropy, plus kl_weight * s * kl_estimate(d), d = clamp(reference - logprob,
/// +-kl_input_clamp), the estimate clamped to +-kl_output_clamp. s = exp(logprob - stopped logprob) is 1 in value and
/// lends the score-function gradient; where the input clamp acts it lends none.
/// c = exp(old - generator), not finite -> 0, is a constant. At CorrectionLevel::sequence it is the product over the
/// tokens of a sample that have a weight, at `geometric` their geometric mean. `truncate` clamps it to [correction_min,
/// correction_max], `mask` makes it 0 outside, `mask_samples` makes it 0 in all tokens of a sample whose geometric mean
/// lies outside, whatever the level. force_on_policy: r is 1, old is the current log-probability. A token of weight 0
/// adds exactly nothing, whatever its inputs (NaN too). The logarithm of r counts as +-20 at most.
/// source: PPO clip arXiv:1707.06347; dual clip arXiv:1912.09729; ratio of a sequence arXiv:2507.18071 (GSPO; its
/// GSPO-token has the same gradient, for all tokens of an answer share their advantage); CISPO arXiv:2506.13585;
/// masked tokens arXiv:2510.18855 (IcePop), masked samples: NeMo RL's seq-mask-tis; J. Schulman, "Approximating KL
/// divergence" (k1-k3).
LossParts policy_loss(const TokenInputs& inputs, const spec::LossJob& loss);

/// KL estimators of d = reference - current (unclamped): k1 = -d, k2 = d^2/2, k3 = e^d - 1 - d.
at::Tensor kl_estimate(const at::Tensor& difference_N, spec::KlKind kind);

}  // namespace muster::grpo
