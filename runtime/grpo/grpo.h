// GRPO as formulas: advantages of a group, the clipped policy loss, KL to a reference, correction of generator against trainer.
// Letters: B prompts, G samples of a prompt, N scored tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::grpo {

/// Advantage of each sample against its own group. rewards_BG float32 -> same shape. A group of equal rewards gives zeros.
/// leave_one_out leaves the sample out of both mean and deviation; a zero deviation leaves the difference undivided.
/// throws: Error::user if G < 2.  source: arXiv:2402.03300 section 4.1.2; arXiv:2402.14740 (leave-one-out).
at::Tensor group_advantages(const at::Tensor& rewards_BG, spec::Baseline baseline, bool normalize, double eps);

/// What the loss of one micro batch needs of its N tokens; float32, without gradient except logprobs_N.
struct TokenInputs {
  at::Tensor logprobs_N;            // current policy, with gradient
  at::Tensor old_logprobs_N;        // trainer before this step's updates
  at::Tensor gen_logprobs_N;        // generator
  at::Tensor reference_logprobs_N;  // undefined when kl_weight is 0
  at::Tensor advantages_N;
  at::Tensor weights_N;             // 1 / global count for token reduction; 1 / (answer tokens x global samples) for sequence reduction; 0: masked out
};

struct LossParts {
  at::Tensor loss;                  // scalar with gradient: policy part + kl_weight * KL part
  double kl = 0;                    // weighted sums (they add up over micro batches and ranks)
  double clip_share = 0, ratio_mean = 0, correction_mean = 0;
};

/// source: NeMo RL's formulas as listed in the README; PPO clip arXiv:1707.06347, dual clip arXiv:1912.09729, k1-k3 estimators of
/// J. Schulman, truncated importance sampling of the generator's mismatch.
LossParts policy_loss(const TokenInputs& inputs, const spec::LossJob& loss);

/// KL estimators of d = reference - current (unclamped): k1 = -d, k2 = d^2/2, k3 = e^d - 1 - d.
at::Tensor kl_estimate(const at::Tensor& difference_N, spec::KlKind kind);

}  // namespace muster::grpo
