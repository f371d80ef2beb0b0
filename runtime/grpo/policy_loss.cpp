// The loss and its derivative by the log-probability are computed together, without a graph: N is small, and one node
// carries the derivative into the backward. Letters: N scored tokens, S sequences, T tokens of the longest.
#include "runtime/grpo/policy_loss.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <map>

#include "runtime/base/error.h"
#include "runtime/ops/on_host.h"

namespace muster::grpo {
namespace {

constexpr double kMaxLogRatio = 20;

/// The given value, with the given derivative by input_N.
class KnownDerivative : public torch::autograd::Function<KnownDerivative> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input_N,
                            const at::Tensor& value, const at::Tensor& derivative_N) {
    (void)input_N;
    context->save_for_backward({derivative_N});
    return value.clone();
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    return {context->get_saved_variables()[0] * gradients[0], at::Tensor(), at::Tensor()};
  }
};

/// Value of each token, and its derivative by the token's log-probability.
struct Terms {
  at::Tensor value_N, derivative_N;
};

struct PolicyTerms {
  Terms terms;
  at::Tensor clipped_N;  // bool: the clip takes the gradient away
};

PolicyTerms policy_terms(const at::Tensor& ratio_N, const at::Tensor& advantages_N, const spec::LossJob& loss) {
  const at::Tensor is_positive = advantages_N > 0;
  const at::Tensor is_negative = advantages_N < 0;
  const double low = 1 - loss.clip_low;
  const double high = 1 + loss.clip_high;
  // The greater of the plain and the clamped loss: only one side of the clamp ever binds for a sign of the advantage.
  at::Tensor bounded = at::where(is_positive, ratio_N.clamp_max(high), ratio_N.clamp_min(low));
  at::Tensor clipped = at::where(is_positive, ratio_N > high, is_negative & (ratio_N < low));
  if (loss.dual_clip > 0) {
    bounded = at::where(is_negative, bounded.clamp_max(loss.dual_clip), bounded);
    clipped = clipped | (is_negative & (ratio_N > loss.dual_clip));
  }
  const at::Tensor value = -advantages_N * bounded;
  return {.terms = {.value_N = value, .derivative_N = value.masked_fill(clipped, 0)}, .clipped_N = clipped};
}

/// The clipped ratio as a constant weight of the log-probability.
PolicyTerms cispo_terms(const at::Tensor& ratio_N, const TokenInputs& inputs, const spec::LossJob& loss) {
  const double low = 1 - loss.clip_low, high = 1 + loss.clip_high;
  const at::Tensor slope = -inputs.advantages_N * ratio_N.clamp(low, high);
  return {.terms = {.value_N = slope * inputs.logprobs_N.detach(), .derivative_N = slope},
          .clipped_N = (ratio_N < low) | (ratio_N > high)};
}

enum class Over { sum, mean };
/// The sum or mean over each sequence's tokens that are not masked, at every token.
at::Tensor over_sequence(const at::Tensor& values_N, const SequenceIndex& index, const at::Tensor& masked_N,
                         Over over = Over::mean) {
  const auto sum_S = [&index](const at::Tensor& all_N) {
    return at::constant_pad_nd(all_N, {0, 1}).index({index.tokens_ST}).sum(1);
  };
  at::Tensor found = sum_S(values_N.to(at::kDouble).masked_fill(masked_N, 0));
  if (over == Over::mean) found = found / sum_S((~masked_N).to(at::kDouble)).clamp_min(1);
  return found.index_select(0, index.sequence_N).to(values_N.scalar_type());
}

/// Importance weight of trainer against generator, of each token.
at::Tensor correction_of(const at::Tensor& old_logprobs_N, const TokenInputs& inputs, const at::Tensor& masked_N,
                         const spec::LossJob& loss) {
  const auto finite_exp = [](const at::Tensor& exponent_N) {
    const at::Tensor weight = at::exp(exponent_N);
    return weight.masked_fill(~weight.isfinite(), 0);
  };
  const at::Tensor difference = old_logprobs_N - inputs.gen_logprobs_N;
  const auto of_samples = [&](Over over) {
    return finite_exp(over_sequence(difference, inputs.sequences, masked_N, over));
  };
  const auto outside = [&loss](const at::Tensor& weight_N) {
    return (weight_N < loss.correction_min) | (weight_N > loss.correction_max);
  };
  const at::Tensor weight = loss.correction_level == spec::CorrectionLevel::token      ? finite_exp(difference)
                            : loss.correction_level == spec::CorrectionLevel::sequence ? of_samples(Over::sum)
                                                                                       : of_samples(Over::mean);
  switch (loss.correction) {
    case spec::Correction::none:
    case spec::Correction::plain:
      return weight;
    case spec::Correction::truncate:
      return weight.clamp(loss.correction_min, loss.correction_max);
    case spec::Correction::mask:
      return weight.masked_fill(outside(weight), 0);
    case spec::Correction::mask_samples:
      return weight.masked_fill(outside(of_samples(Over::mean)), 0);
  }
  INVARIANT(false, "every correction is listed");
}

/// d/d logprob of kl_estimate(reference - logprob).
at::Tensor kl_derivative(const at::Tensor& difference_N, spec::KlKind kind) {
  switch (kind) {
    case spec::KlKind::k1:
      return at::ones_like(difference_N);
    case spec::KlKind::k2:
      return -difference_N;
    case spec::KlKind::k3:
      return -at::expm1(difference_N);
  }
  INVARIANT(false, "every KL kind is listed");
}

Terms kl_terms(const at::Tensor& logprobs_N, const at::Tensor& reference_logprobs_N, const spec::LossJob& loss) {
  const at::Tensor raw_difference = reference_logprobs_N - logprobs_N;
  const at::Tensor difference = raw_difference.clamp(-loss.kl_input_clamp, loss.kl_input_clamp);
  const at::Tensor raw_value = kl_estimate(difference, loss.kl_kind);
  const at::Tensor value = raw_value.clamp(-loss.kl_output_clamp, loss.kl_output_clamp);
  const at::Tensor input_bound = raw_difference.abs() > loss.kl_input_clamp;
  const at::Tensor output_bound = raw_value.abs() > loss.kl_output_clamp;
  // s = exp(logprob - stopped logprob): its derivative is the value itself, unless the input clamp acts.
  const at::Tensor derivative =
      (kl_derivative(difference, loss.kl_kind).masked_fill(output_bound, 0) + value).masked_fill(input_bound, 0);
  const at::Tensor broken = ~logprobs_N.isfinite();
  return {.value_N = value.masked_fill(broken, 0), .derivative_N = derivative.masked_fill(broken, 0)};
}

}  // namespace

SequenceIndex sequence_index(const std::vector<std::int64_t>& sequence_of_N, const at::Device& device) {
  std::map<std::int64_t, std::int64_t> row_of;
  std::vector<std::int64_t> row_of_N;
  std::vector<std::vector<std::int64_t>> tokens_of;
  for (std::int64_t n = 0; n < std::ssize(sequence_of_N); ++n) {
    const std::int64_t row = row_of.emplace(sequence_of_N[n], std::ssize(tokens_of)).first->second;
    if (row == std::ssize(tokens_of)) tokens_of.emplace_back();
    tokens_of[row].push_back(n);
    row_of_N.push_back(row);
  }
  std::size_t longest = 0;
  for (const auto& tokens : tokens_of) longest = std::max(longest, tokens.size());
  std::vector<std::int64_t> rows;
  for (auto& tokens : tokens_of) {
    tokens.resize(longest, std::ssize(sequence_of_N));
    rows.insert(rows.end(), tokens.begin(), tokens.end());
  }
  return {.sequence_N = at::tensor(row_of_N).to(device),
          .tokens_ST = at::tensor(rows).view({std::ssize(tokens_of), static_cast<std::int64_t>(longest)}).to(device)};
}

at::Tensor kl_estimate(const at::Tensor& difference_N, spec::KlKind kind) {
  switch (kind) {
    case spec::KlKind::k1:
      return -difference_N;
    case spec::KlKind::k2:
      return difference_N.square() / 2;
    case spec::KlKind::k3:
      return at::expm1(difference_N) - difference_N;
  }
  INVARIANT(false, "every KL kind is listed");
}

LossParts policy_loss(const TokenInputs& inputs, const spec::LossJob& loss) {
  at::Tensor total, derivative, entropy_part, by_entropy, figures;
  {
    const at::NoGradGuard no_graph;
    const at::Tensor logprobs = inputs.logprobs_N.detach();
    const at::Tensor old_logprobs = loss.force_on_policy ? logprobs : inputs.old_logprobs_N;
    const at::Tensor weights = inputs.weights_N;
    const at::Tensor masked = weights == 0;
    // A mask is a place where nothing is read: 0 x NaN would not be 0.
    const auto weighted_sum = [&](const at::Tensor& value_N) {
      return (weights * value_N).masked_fill(masked, 0).sum(at::kDouble);
    };

    const bool by_sequence = loss.ratio == spec::RatioLevel::sequence;
    at::Tensor log_ratio = logprobs - old_logprobs;
    if (by_sequence) log_ratio = over_sequence(log_ratio, inputs.sequences, masked);
    const at::Tensor ratio = at::exp(log_ratio.clamp(-kMaxLogRatio, kMaxLogRatio));
    auto [policy, clipped] = loss.policy == spec::PolicyForm::cispo ? cispo_terms(ratio, inputs, loss)
                                                                    : policy_terms(ratio, inputs.advantages_N, loss);
    at::Tensor correction = at::ones_like(ratio);
    if (loss.correction != spec::Correction::none) {
      correction = correction_of(old_logprobs, inputs, masked, loss);
      policy = {.value_N = policy.value_N * correction, .derivative_N = policy.derivative_N * correction};
    }
    total = weighted_sum(policy.value_N);
    derivative = weights * policy.derivative_N;
    // Each token of a sequence moves the ratio of all its tokens, by one part in their number.
    if (by_sequence) derivative = over_sequence(derivative, inputs.sequences, masked);
    at::Tensor kl = at::zeros_like(total);
    if (loss.kl_weight != 0) {
      const Terms terms = kl_terms(logprobs, inputs.reference_logprobs_N, loss);
      kl = weighted_sum(terms.value_N);
      total = total + loss.kl_weight * kl;
      derivative = derivative + loss.kl_weight * weights * terms.derivative_N;
    }
    if (loss.entropy_weight != 0) {
      entropy_part = (-loss.entropy_weight * weighted_sum(inputs.entropy_N.detach())).to(at::kFloat);
      by_entropy = -loss.entropy_weight * weights;
    }
    total = total.to(at::kFloat);
    derivative = derivative.masked_fill(masked, 0);
    figures = at::stack({kl, weighted_sum(clipped.to(at::kFloat)), weighted_sum(ratio), weighted_sum(correction)});
  }
  at::Tensor whole = KnownDerivative::apply(inputs.logprobs_N, total, derivative);
  if (by_entropy.defined()) whole = whole + KnownDerivative::apply(inputs.entropy_N, entropy_part, by_entropy);
  return {.loss = whole, .figures_4 = figures};
}

LossFigures on_host(const at::Tensor& figures_4) {
  const at::Tensor here = ops::on_host(figures_4);
  const double* values = here.const_data_ptr<double>();
  return {.kl = values[0], .clip_share = values[1], .ratio_mean = values[2], .correction_mean = values[3]};
}

}  // namespace muster::grpo
