// The loss against a plain formulation in float64 that autograd differentiates, and its regions one by one.
#include "runtime/grpo/policy_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "runtime/base/random.h"
#include "tests/support/tensor_support.h"

namespace muster::grpo {
namespace {

using spec::Correction;
using spec::KlKind;
using tests::near;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

at::Tensor random_tensor(std::int64_t count, std::uint64_t stream, double mean, double deviation) {
  const base::RandomKey key(3, base::Purpose::test, stream);
  at::Tensor values = at::empty({count});
  for (std::int64_t i = 0; i < count; ++i) values[i] = mean + deviation * key.normal(static_cast<std::uint64_t>(i));
  return values;
}

TokenInputs random_inputs(std::int64_t count) {
  const at::Tensor logprobs = random_tensor(count, 0, -2, 1);
  TokenInputs inputs{.old_logprobs_N = logprobs + random_tensor(count, 1, 0, 0.5),
                     .reference_logprobs_N = logprobs + random_tensor(count, 2, 0, 1.2),
                     .advantages_N = random_tensor(count, 3, 0, 1),
                     .weights_N = random_tensor(count, 4, 0, 1).abs()};
  inputs.gen_logprobs_N = inputs.old_logprobs_N + random_tensor(count, 5, 0, 0.5);
  inputs.weights_N.slice(0, 0, count, 5).zero_();
  inputs.logprobs_N = logprobs.requires_grad_();
  std::vector<std::int64_t> sequence_of_N;  // packed answers of 7 tokens
  for (std::int64_t n = 0; n < count; ++n) sequence_of_N.push_back(n / 7);
  inputs.sequences = sequence_index(sequence_of_N, at::kCPU);
  return inputs;
}

/// The mean over the unmasked tokens of each sequence, at every token.
at::Tensor plain_sequence_mean(const TokenInputs& inputs, const at::Tensor& values_N) {
  std::vector<at::Tensor> means;
  for (std::int64_t n = 0; n < values_N.numel(); ++n) {
    const at::Tensor mine = (inputs.sequences.sequence_N == inputs.sequences.sequence_N[n]) & (inputs.weights_N != 0);
    means.push_back(values_N.masked_select(mine).mean());
  }
  return at::stack(means);
}

/// The formulas of the header as autograd sees them, in float64. Returns the scalar and its gradient by logprobs_N.
std::pair<at::Tensor, at::Tensor> plain_loss(const TokenInputs& inputs, const spec::LossJob& loss) {
  const at::Tensor logprobs = inputs.logprobs_N.detach().to(at::kDouble).requires_grad_();
  const at::Tensor old = loss.force_on_policy ? logprobs.detach() : inputs.old_logprobs_N.to(at::kDouble);
  const at::Tensor advantages = inputs.advantages_N.to(at::kDouble);
  const bool by_sequence = loss.ratio == spec::RatioLevel::sequence;
  const at::Tensor ratio = (by_sequence ? plain_sequence_mean(inputs, logprobs - old) : logprobs - old).exp();
  at::Tensor policy =
      at::maximum(-advantages * ratio, -advantages * ratio.clamp(1 - loss.clip_low, 1 + loss.clip_high));
  if (loss.dual_clip > 0) policy = at::where(advantages < 0, at::minimum(policy, -advantages * loss.dual_clip), policy);
  if (loss.correction != Correction::none) {
    at::Tensor weight = (old - inputs.gen_logprobs_N.to(at::kDouble)).exp();
    if (loss.correction == Correction::truncate) {
      weight = weight.clamp(loss.correction_min, loss.correction_max);
    } else if (loss.correction == Correction::mask) {
      weight =
          at::where((weight >= loss.correction_min) & (weight <= loss.correction_max), weight, at::zeros_like(weight));
    }
    policy = policy * weight;
  }
  at::Tensor total = (policy * inputs.weights_N.to(at::kDouble)).sum();
  if (loss.kl_weight != 0) {
    const at::Tensor raw = inputs.reference_logprobs_N.to(at::kDouble) - logprobs;
    const at::Tensor d = raw.clamp(-loss.kl_input_clamp, loss.kl_input_clamp);
    at::Tensor kl = loss.kl_kind == KlKind::k1 ? -d : loss.kl_kind == KlKind::k2 ? d * d / 2 : d.exp() - 1 - d;
    kl = kl.clamp(-loss.kl_output_clamp, loss.kl_output_clamp);
    const at::Tensor score = (logprobs - logprobs.detach()).exp();
    const at::Tensor weight = at::where(raw.abs() > loss.kl_input_clamp, score.detach(), score);
    total = total + loss.kl_weight * (weight * kl * inputs.weights_N.to(at::kDouble)).sum();
  }
  total.backward();
  return {total.detach(), logprobs.grad()};
}

TEST(PolicyLoss, ValueAndGradientEqualThePlainFormulation) {
  std::vector<spec::LossJob> jobs(1);
  jobs.push_back({.clip_low = 0.1, .clip_high = 0.28, .dual_clip = 1.3});
  for (const KlKind kind : {KlKind::k1, KlKind::k2, KlKind::k3}) {
    jobs.push_back({.kl_weight = 0.3, .kl_kind = kind});
    jobs.push_back({.kl_weight = 0.3, .kl_kind = kind, .kl_input_clamp = 0.9, .kl_output_clamp = 10});
    jobs.push_back({.kl_weight = 0.3, .kl_kind = kind, .kl_input_clamp = 20, .kl_output_clamp = 0.4});
  }
  jobs.push_back({.correction = Correction::plain});
  jobs.push_back({.correction = Correction::truncate, .correction_max = 1.2, .correction_min = 0.7});
  jobs.push_back({.correction = Correction::mask, .correction_max = 1.5, .correction_min = 0.5});
  jobs.push_back({.kl_weight = 0.1, .correction = Correction::truncate, .force_on_policy = true});
  for (std::size_t j = jobs.size(); j-- > 0;) {
    jobs.push_back(jobs[j]);
    jobs.back().ratio = spec::RatioLevel::sequence;
    jobs.back().clip_low = jobs.back().clip_high = 0.05;  // means differ less than tokens do
  }
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    const TokenInputs inputs = random_inputs(200);
    const auto [expected, expected_gradient] = plain_loss(inputs, jobs[j]);
    const LossParts parts = policy_loss(inputs, jobs[j]);
    EXPECT_TRUE(near(parts.loss, expected, 1e-5, 1e-5)) << "job " << j;
    parts.loss.backward();
    EXPECT_TRUE(near(inputs.logprobs_N.grad(), expected_gradient, 1e-5, 1e-5)) << "job " << j;
  }
}

TEST(PolicyLoss, GradientEqualsFiniteDifferences) {
  // The score-function part of the KL has no finite difference, so it is left out here (kl_weight 0).
  const spec::LossJob job{.dual_clip = 3, .correction = Correction::truncate};
  const TokenInputs inputs = random_inputs(20);
  policy_loss(inputs, job).loss.backward();
  const at::Tensor gradient = inputs.logprobs_N.grad();
  constexpr double kStep = 1e-2;
  for (std::int64_t n = 0; n < 20; ++n) {
    const auto loss_at = [&](double step) {
      TokenInputs moved = inputs;
      moved.logprobs_N = inputs.logprobs_N.detach().clone();
      moved.logprobs_N[n] += step;
      return policy_loss(moved, job).loss.item<double>();
    };
    const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
    const double ratio = std::exp((inputs.logprobs_N[n] - inputs.old_logprobs_N[n]).item<double>());
    if (std::abs(ratio - 0.8) < 0.02 || std::abs(ratio - 1.2) < 0.02) continue;  // a step over the corner
    EXPECT_NEAR(gradient[n].item<double>(), slope, 2e-3) << "token " << n;
  }
}

/// One token with the given ratio and advantage: {loss, gradient, clip share}.
std::array<double, 3> one_token(double ratio, double advantage, const spec::LossJob& job) {
  TokenInputs inputs{.logprobs_N = at::full({1}, -1.0 + std::log(ratio)).requires_grad_(),
                     .old_logprobs_N = at::full({1}, -1.0),
                     .advantages_N = at::full({1}, advantage),
                     .weights_N = at::ones({1})};
  const LossParts parts = policy_loss(inputs, job);
  parts.loss.backward();
  EXPECT_NEAR(on_host(parts.figures_4).ratio_mean, ratio, 1e-5);
  return {parts.loss.item<double>(), inputs.logprobs_N.grad().item<double>(), on_host(parts.figures_4).clip_share};
}

TEST(PolicyLoss, ClipsWhereTheStepWouldGoTooFarAndNowhereElse) {
  const spec::LossJob job{.clip_low = 0.2, .clip_high = 0.3, .dual_clip = 3};
  const auto expect = [&](double ratio, double advantage, std::array<double, 3> expected) {
    const auto found = one_token(ratio, advantage, job);
    for (int i = 0; i < 3; ++i)
      EXPECT_NEAR(found[i], expected[i], 1e-5) << "ratio " << ratio << " advantage " << advantage << " part " << i;
  };
  expect(1.1, 2, {-2.2, -2.2, 0});
  expect(1.5, 2, {-2.6, 0, 1});     // above 1 + high with a gain
  expect(0.5, 2, {-1.0, -1.0, 0});  // below 1 - low with a gain: still pulled back
  expect(0.5, -2, {1.6, 0, 1});     // below 1 - low with a loss
  expect(1.5, -2, {3.0, 3.0, 0});   // above with a loss: pushed back
  expect(5.0, -2, {6.0, 0, 1});     // dual clip
  expect(5.0, 0, {0, 0, 0});
}

TEST(PolicyLoss, MaskedTokensAddNothingWhateverTheyHold) {
  const spec::LossJob job{.kl_weight = 0.1, .correction = Correction::truncate};
  TokenInputs inputs = random_inputs(12);
  TokenInputs spoiled = random_inputs(12);
  const at::Tensor masked = inputs.weights_N == 0;
  ASSERT_EQ(masked.sum().item<std::int64_t>(), 3);
  spoiled.logprobs_N = at::where(masked, at::full({12}, kNan), inputs.logprobs_N.detach()).requires_grad_();
  spoiled.old_logprobs_N = spoiled.old_logprobs_N.masked_fill(masked, -kInfinity);
  spoiled.gen_logprobs_N = spoiled.gen_logprobs_N.masked_fill(masked, kInfinity);
  spoiled.reference_logprobs_N = spoiled.reference_logprobs_N.masked_fill(masked, kNan);
  const LossParts clean_parts = policy_loss(inputs, job);
  const LossParts spoiled_parts = policy_loss(spoiled, job);
  EXPECT_EQ(clean_parts.loss.item<float>(), spoiled_parts.loss.item<float>());
  EXPECT_EQ(on_host(clean_parts.figures_4).kl, on_host(spoiled_parts.figures_4).kl);
  EXPECT_EQ(on_host(clean_parts.figures_4).correction_mean, on_host(spoiled_parts.figures_4).correction_mean);
  clean_parts.loss.backward();
  spoiled_parts.loss.backward();
  EXPECT_TRUE(tests::same_bits(inputs.logprobs_N.grad(), spoiled.logprobs_N.grad()));
  EXPECT_EQ(inputs.logprobs_N.grad().masked_select(masked).abs().sum().item<float>(), 0);
}

TEST(PolicyLoss, CorrectionTruncatesMasksAndIgnoresWhatIsNotFinite) {
  const auto correction_of = [](float old_logprob, float gen_logprob, Correction correction) {
    TokenInputs inputs{.logprobs_N = at::full({1}, -1.0).requires_grad_(),
                       .old_logprobs_N = at::full({1}, old_logprob),
                       .gen_logprobs_N = at::full({1}, gen_logprob),
                       .advantages_N = at::ones({1}),
                       .weights_N = at::ones({1})};
    return on_host(
               policy_loss(inputs, {.correction = correction, .correction_max = 2, .correction_min = 0.5}).figures_4)
        .correction_mean;
  };
  EXPECT_NEAR(correction_of(-1, -1.2f, Correction::truncate), std::exp(0.2), 1e-5);
  EXPECT_NEAR(correction_of(-1, -3, Correction::truncate), 2, 1e-6);
  EXPECT_NEAR(correction_of(-3, -1, Correction::truncate), 0.5, 1e-6);
  EXPECT_NEAR(correction_of(-1, -1.2f, Correction::mask), std::exp(0.2), 1e-5);
  EXPECT_EQ(correction_of(-1, -3, Correction::mask), 0);
  EXPECT_EQ(correction_of(-3, -1, Correction::mask), 0);
  EXPECT_EQ(correction_of(-1, -3, Correction::none), 1);
  EXPECT_EQ(correction_of(-1, kNan, Correction::mask), 0);
  EXPECT_EQ(correction_of(-1, -kInfinity, Correction::mask), 0);
}

TEST(PolicyLoss, OnPolicyByForceIsPlainPolicyGradient) {
  TokenInputs inputs = random_inputs(30);
  inputs.old_logprobs_N = at::Tensor();
  const LossParts parts = policy_loss(inputs, {.force_on_policy = true});
  parts.loss.backward();
  EXPECT_TRUE(near(inputs.logprobs_N.grad(), -inputs.advantages_N * inputs.weights_N, 1e-6, 1e-6));
  EXPECT_NEAR(on_host(parts.figures_4).ratio_mean, inputs.weights_N.sum().item<double>(), 1e-5);
  EXPECT_EQ(on_host(parts.figures_4).clip_share, 0);
}

TEST(PolicyLoss, FiguresAndLossesAddUpOverMicroBatches) {
  const spec::LossJob job{.kl_weight = 0.2, .correction = Correction::truncate};
  const TokenInputs whole = random_inputs(40);
  const LossParts all = policy_loss(whole, job);
  LossParts sum{.loss = at::zeros({})};
  for (const auto& [begin, end] : {std::pair{0, 13}, std::pair{13, 40}, std::pair{40, 40}}) {
    const auto part_of = [begin = begin, end = end](const at::Tensor& values_N) {
      return values_N.slice(0, begin, end);
    };
    const LossParts part = policy_loss({.logprobs_N = part_of(whole.logprobs_N),
                                        .old_logprobs_N = part_of(whole.old_logprobs_N),
                                        .gen_logprobs_N = part_of(whole.gen_logprobs_N),
                                        .reference_logprobs_N = part_of(whole.reference_logprobs_N),
                                        .advantages_N = part_of(whole.advantages_N),
                                        .weights_N = part_of(whole.weights_N)},
                                       job);
    sum.loss = sum.loss + part.loss.detach();
    sum.figures_4 = sum.figures_4.defined() ? sum.figures_4 + part.figures_4 : part.figures_4;
  }
  EXPECT_TRUE(near(sum.loss, all.loss, 1e-5, 1e-5));
  EXPECT_NEAR(on_host(sum.figures_4).kl, on_host(all.figures_4).kl, 1e-5);
  EXPECT_NEAR(on_host(sum.figures_4).clip_share, on_host(all.figures_4).clip_share, 1e-6);
  EXPECT_NEAR(on_host(sum.figures_4).ratio_mean, on_host(all.figures_4).ratio_mean, 1e-4);
  EXPECT_NEAR(on_host(sum.figures_4).correction_mean, on_host(all.figures_4).correction_mean, 1e-4);
}

TEST(KlEstimate, GivesTheKnownValues) {
  const at::Tensor differences = at::tensor({0.1f, -0.1f, 1.0f, -1.0f});
  EXPECT_TRUE(
      near(kl_estimate(differences, KlKind::k3), at::tensor({.005171f, .004837f, .718282f, .367879f}), 1e-6, 0));
  EXPECT_TRUE(near(kl_estimate(differences, KlKind::k2), at::tensor({.005f, .005f, .5f, .5f}), 1e-6, 0));
  EXPECT_TRUE(near(kl_estimate(differences, KlKind::k1), -differences, 0, 0));
}

TEST(PolicyLoss, TheKlOfALargeDifferenceIsClamped) {
  TokenInputs inputs{.logprobs_N = at::full({1}, -4.0).requires_grad_(),
                     .old_logprobs_N = at::full({1}, -4.0),
                     .reference_logprobs_N = at::full({1}, -1.0),
                     .advantages_N = at::zeros({1}),
                     .weights_N = at::ones({1})};
  EXPECT_NEAR(on_host(policy_loss(inputs, {.kl_weight = 1}).figures_4).kl, 10, 1e-6);
}

}  // namespace
}  // namespace muster::grpo
