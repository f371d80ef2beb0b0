#include "runtime/loop/rollout_figures.h"

#include <gtest/gtest.h>

#include "runtime/loop/train_figures.h"

namespace muster::loop {
namespace {

GradedSample scored(double reward, std::size_t tokens, Outcome outcome = Outcome::graded,
                    generate::Finish finish = generate::Finish::stop) {
  GradedSample sample;
  sample.sample.tokens.assign(tokens, 1);
  sample.sample.finish = finish;
  sample.reward = reward;
  sample.parts = {reward};
  sample.outcome = outcome;
  return sample;
}

TEST(Figures, CountWhatTheRolloutHolds) {
  RankContext context;
  context.placement.attempt = 3;
  Rollout rollout{.samples_per_prompt = 2};
  rollout.prompts.resize(3);
  for (StepPrompt& prompt : rollout.prompts) prompt.tokens = {1, 2, 3, 4, 5};
  rollout.samples = {scored(1, 4),
                     scored(1, 4),
                     scored(0, 2),
                     scored(1, 6),
                     scored(0, 8, Outcome::graded, generate::Finish::length),
                     scored(0, 0, Outcome::timeout)};
  const spec::StepRecord record = rollout_figures(context, rollout);
  EXPECT_EQ(record.attempt, 3);
  EXPECT_EQ(record.samples, 6);
  EXPECT_EQ(record.graded, 5);
  EXPECT_EQ(record.timeouts, 1);
  EXPECT_DOUBLE_EQ(record.reward, 3.0 / 5) << "a time-out is no zero";
  EXPECT_EQ(record.rewards.at("shaping"), 0);
  EXPECT_EQ(record.prompt_tokens, 30);
  EXPECT_EQ(record.answer_tokens, 24);
  EXPECT_EQ(record.tokens, 54);
  EXPECT_EQ(record.max_answer_tokens, 8);
  EXPECT_DOUBLE_EQ(record.truncated, 1.0 / 6);
  EXPECT_NEAR(record.groups_all_right, 1.0 / 3, 1e-12);
  EXPECT_NEAR(record.groups_mixed, 1.0 / 3, 1e-12);
  EXPECT_NEAR(record.groups_all_wrong, 1.0 / 3, 1e-12);
}

TEST(Figures, OnlyGroupsWhoseRewardsDifferAreMixed) {
  RankContext context;
  Rollout rollout{.samples_per_prompt = 2};
  rollout.prompts.resize(5);
  rollout.samples = {scored(0.2, 1), scored(0.2, 1),  // nothing to learn from
                     scored(-1, 1),  scored(-1, 1),   // wrong, on a scale of its own
                     scored(-1, 1),  scored(-0.5, 1), scored(1, 1), scored(1.2, 1), scored(1, 1), scored(1, 1)};
  const spec::StepRecord record = rollout_figures(context, rollout);
  EXPECT_NEAR(record.groups_mixed, 2.0 / 5, 1e-12);
  EXPECT_NEAR(record.groups_all_wrong, 1.0 / 5, 1e-12);
  EXPECT_NEAR(record.groups_all_right, 1.0 / 5, 1e-12);
}

TEST(Figures, TokenSumsBecomeMeans) {
  spec::StepRecord record;
  TrainFigures figures{.losses = {0.5, 0.25}, .grad_norms = {1, 2}, .lr = 0.1};
  figures.sums = {.tokens = 4,
                  .abs_diff = 2,
                  .prob_error = 6,
                  .gen_kl = 1,
                  .entropy = 8,
                  .clip_share = 0.5,
                  .ratio = 2,
                  .correction = 2,
                  .max_diff = 0.75};
  add_train_figures(record, figures);
  EXPECT_DOUBLE_EQ(record.logprob_diff_mean, 0.5);
  EXPECT_DOUBLE_EQ(record.logprob_diff_max, 0.75);
  EXPECT_DOUBLE_EQ(record.prob_error, 1.5);
  EXPECT_DOUBLE_EQ(record.entropy, 2);
  EXPECT_DOUBLE_EQ(record.clip_share, 0.25) << "the mean over the updates";
  EXPECT_DOUBLE_EQ(record.ratio_mean, 1);
  EXPECT_EQ(record.losses.size(), 2u);
}

TEST(Figures, EachPartOfTheRewardIsLoggedByItsName) {
  RankContext context;
  context.plan.job.reward.parts = {{.name = "right"}, {.kind = "regex", .weight = 0.2}};
  Rollout rollout{.samples_per_prompt = 2};
  rollout.prompts.resize(1);
  rollout.samples = {scored(1, 4), scored(0, 4)};
  rollout.samples[0].parts = {1, 0.5};
  rollout.samples[0].shaping = -0.5;
  rollout.samples[1].parts = {0, 1};
  const auto rewards = rollout_figures(context, rollout).rewards;
  EXPECT_EQ(rewards, (std::map<std::string, double>{{"right", 0.5}, {"regex", 0.75}, {"shaping", -0.25}}));
}

}  // namespace
}  // namespace muster::loop
