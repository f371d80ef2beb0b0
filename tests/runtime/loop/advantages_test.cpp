// Values by hand: mean and unbiased deviation of the graded samples of a group.
#include "runtime/loop/advantages.h"

#include <gtest/gtest.h>

#include <cmath>

namespace muster::loop {
namespace {

constexpr double kHalf = 0.7071067811865475;  // (1 - 1/2) / sqrt(1/2): of two samples, one right

GradedSample sample_of(double reward, Outcome outcome = Outcome::graded) {
  return {.reward = reward, .outcome = outcome};
}

Rollout rollout_of(std::int64_t samples_per_prompt, std::vector<GradedSample> samples) {
  Rollout rollout{.samples = std::move(samples), .samples_per_prompt = samples_per_prompt};
  rollout.prompts.resize(rollout.samples.size() / static_cast<std::size_t>(samples_per_prompt));
  return rollout;
}

std::vector<double> by_mean(const Rollout& rollout) {
  return advantages(rollout, {.baseline = spec::Baseline::mean, .normalize = true, .advantage_eps = 0});
}

TEST(Advantages, EachGroupIsComparedWithItself) {
  const std::vector<double> found =
      by_mean(rollout_of(2, {sample_of(1), sample_of(0), sample_of(-3), sample_of(-1), sample_of(0), sample_of(1)}));
  const std::vector<double> expected{kHalf, -kHalf, -kHalf, kHalf, -kHalf, kHalf};
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t s = 0; s < found.size(); ++s) EXPECT_NEAR(found[s], expected[s], 1e-6) << s;
}

TEST(Advantages, WhatWasNotGradedTakesNoPart) {
  const std::vector<double> found = by_mean(
      rollout_of(4, {sample_of(1), sample_of(9, Outcome::timeout), sample_of(0), sample_of(-9, Outcome::failed)}));
  ASSERT_EQ(found.size(), 4u);
  EXPECT_NEAR(found[0], kHalf, 1e-6) << "the timeout's reward counts nowhere";
  EXPECT_EQ(found[1], 0);
  EXPECT_NEAR(found[2], -kHalf, 1e-6);
  EXPECT_EQ(found[3], 0);
}

TEST(Advantages, FewerThanTwoGradedSamplesOfAGroupTeachNothing) {
  const std::vector<double> found =
      by_mean(rollout_of(2, {sample_of(1), sample_of(0, Outcome::timeout), sample_of(1, Outcome::failed),
                             sample_of(1, Outcome::failed), sample_of(1), sample_of(0)}));
  EXPECT_EQ(std::vector<double>(found.begin(), found.begin() + 4), std::vector<double>(4, 0.0));
  EXPECT_NEAR(found[4], kHalf, 1e-6) << "the other group is as it would be alone";
}

TEST(Advantages, EqualRewardsGiveExactZeros) {
  for (const spec::Baseline baseline : {spec::Baseline::mean, spec::Baseline::leave_one_out})
    EXPECT_EQ(advantages(rollout_of(3, {sample_of(0.3), sample_of(0.3), sample_of(0.3)}),
                         {.baseline = baseline, .normalize = true}),
              std::vector<double>(3, 0.0));
}

TEST(Advantages, WithoutABaselineAreTheRewardsLessTheirPenalties) {
  const Rollout rollout = rollout_of(1, {sample_of(1), sample_of(0.5, Outcome::timeout), sample_of(-2)});
  EXPECT_EQ(advantages(rollout, {.baseline = spec::Baseline::none, .normalize = false}, {0.25, 3, -0.5}),
            (std::vector<double>{0.75, 0, -1.5}));
}

TEST(Advantages, AreWhitenedOverTheTokensOfWhatWasGraded) {
  Rollout rollout = rollout_of(2, {sample_of(1), sample_of(0), sample_of(1), sample_of(9, Outcome::failed)});
  for (std::size_t s = 0; s < 4; ++s) rollout.samples[s].sample.tokens.assign(s + 1, 0);
  const auto found = advantages(rollout, {.baseline = spec::Baseline::none, .normalize = false, .whiten = true});
  // 1 + 3 tokens of reward 1 and 2 of 0: mean 2/3, variance 2/9.
  EXPECT_NEAR(found[0], (1 - 2.0 / 3) / std::sqrt(2.0 / 9), 1e-6);
  EXPECT_NEAR(found[1], -2.0 / 3 / std::sqrt(2.0 / 9), 1e-6);
  EXPECT_NEAR(found[2], found[0], 1e-12);
  EXPECT_EQ(found[3], 0);
}

}  // namespace
}  // namespace muster::loop
