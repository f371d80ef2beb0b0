#include "runtime/loop/validation.h"

#include <gtest/gtest.h>

namespace muster::loop {
namespace {

GradedSample sample(double reward, Outcome outcome = Outcome::graded,
                    generate::Finish finish = generate::Finish::stop) {
  GradedSample scored;
  scored.sample.tokens = {1, 2};
  scored.sample.finish = finish;
  scored.reward = reward;
  scored.parts = {reward};
  scored.outcome = outcome;
  return scored;
}

TEST(Validation, TheFiguresOfASmallRolloutByHand) {
  Rollout rollout{.prompts = std::vector<StepPrompt>(2), .samples_per_prompt = 4};
  // Two right answers of two kinds, two wrong ones that agree: the majority is wrong.
  for (const double reward : {1.0, 1.0, 0.0, 0.0}) rollout.samples.push_back(sample(reward));
  // Three that agree and are right; one timed out and takes no part.
  for (int i = 0; i < 3; ++i) rollout.samples.push_back(sample(1, Outcome::graded, generate::Finish::length));
  rollout.samples.push_back(sample(0, Outcome::timeout));
  const spec::ValidationRecord record = validation_figures(rollout, {"7", "7.0", "8", "8", "3", "3", "3", "4"});
  EXPECT_EQ(record.prompts, 2);
  EXPECT_DOUBLE_EQ(record.pass_1, (0.5 + 1) / 2);
  EXPECT_DOUBLE_EQ(record.mean_k, (0.5 + 1) / 2);
  EXPECT_DOUBLE_EQ(record.pass_k, 1);
  EXPECT_DOUBLE_EQ(record.maj_k, 0.5);
  EXPECT_DOUBLE_EQ(record.truncated, 3.0 / 8);
  EXPECT_DOUBLE_EQ(record.mean_answer_tokens, 2);
  EXPECT_EQ(record.timeouts, 1);
}

TEST(Validation, OfEqualVotesTheFirstWinsAndPartRewardsAreNotRight) {
  Rollout rollout{.prompts = std::vector<StepPrompt>(1), .samples_per_prompt = 2};
  rollout.samples = {sample(1), sample(0.5)};
  spec::ValidationRecord record = validation_figures(rollout, {"a", "b"});
  EXPECT_DOUBLE_EQ(record.maj_k, 1);
  EXPECT_DOUBLE_EQ(record.pass_1, 0.5);
  EXPECT_DOUBLE_EQ(record.mean_k, 0.75);
  record = validation_figures(rollout, {"b", "b"});
  EXPECT_DOUBLE_EQ(record.maj_k, 1) << "the first sample with the winning answer";
}

TEST(Validation, WhatIsRightDoesNotDependOnScaleOrLength) {
  Rollout rollout{.prompts = std::vector<StepPrompt>(1), .samples_per_prompt = 2};
  rollout.samples = {sample(-0.5), sample(1)};
  rollout.samples[0].parts = {1, 0};
  rollout.samples[1].parts = {0, 1};
  const spec::ValidationRecord record = validation_figures(rollout, {"a", "b"});
  EXPECT_DOUBLE_EQ(record.pass_1, 0.5);
  EXPECT_DOUBLE_EQ(record.maj_k, 1) << "the first answer is the right one";
}

TEST(Validation, VotesAreCountedByThePartThatIsGraded) {
  EXPECT_EQ(vote("<think>\\boxed{5}</think> so \\boxed{7}", "math", {}), "7");
  EXPECT_EQ(vote("<think>\\boxed{5}</think> so it is 7", "math", {.after_thinking = false}), "5");
  EXPECT_EQ(vote("<think>\\boxed{5}", "math", {}), "");
}

TEST(Validation, WhenNothingWasGradedAllSharesAreZero) {
  Rollout rollout{.prompts = std::vector<StepPrompt>(1), .samples_per_prompt = 1};
  rollout.samples = {sample(1, Outcome::failed)};
  const spec::ValidationRecord record = validation_figures(rollout, {"a"});
  EXPECT_EQ(record.pass_1 + record.pass_k + record.mean_k + record.maj_k, 0);
  EXPECT_EQ(record.failed, 1);
}

TEST(FinalAnswer, IsTheBoxElseTheLastNumberElseTheText) {
  EXPECT_EQ(final_answer("so \\boxed{1 0} or 7"), "10");
  EXPECT_EQ(final_answer("first 3, then -1,234.5 apples."), "-1,234.5");
  EXPECT_EQ(final_answer("x = 3/4"), "3/4");
  EXPECT_EQ(final_answer(" a b\n"), "ab");
  EXPECT_EQ(final_answer(""), "");
}

}  // namespace
}  // namespace muster::loop
