#include "runtime/loop/mini_batch.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace muster::loop {
namespace {

// Two prompts of two samples; answers of 1, 2, 3 and 4 tokens.
Rollout made() {
  Rollout rollout{.samples_per_prompt = 2};
  rollout.prompts.resize(2);
  for (StepPrompt& prompt : rollout.prompts) prompt.tokens = {1, 2};
  for (std::int64_t s = 0; s < 4; ++s) {
    GradedSample scored;
    scored.sample.group = s / 2;
    scored.sample.index = s % 2;
    scored.sample.tokens.assign(static_cast<std::size_t>(s + 1), static_cast<std::int32_t>(s));
    scored.sample.raw_logprobs.assign(static_cast<std::size_t>(s + 1), -0.1F * static_cast<float>(s + 1));
    rollout.samples.push_back(scored);
  }
  return rollout;
}

spec::Job job_of_step() {
  spec::Job job;
  job.grpo.prompts_per_step = 2;
  job.grpo.samples_per_prompt = 2;
  return job;
}

double weight_of_all(const std::vector<MiniBatch>& shares) {
  double sum = 0;
  for (const MiniBatch& share : shares)
    for (std::size_t s = 0; s < share.weights.size(); ++s)
      sum += share.weights[s] * static_cast<double>(share.sequences[s].answer.size());
  return sum;
}

TEST(MiniBatches, WeightsOfAllTokensAreOneOverAllRanks) {
  const Rollout rollout = made();
  spec::Job job = job_of_step();
  for (const spec::LossReduction reduction : {spec::LossReduction::token, spec::LossReduction::sequence}) {
    job.loss.reduction = reduction;
    for (const std::int64_t dp : {1, 2, 3}) {
      double sum = 0;
      for (std::int64_t index = 0; index < dp; ++index)
        sum += weight_of_all(mini_batches(rollout, {1, 2, 3, 4}, job, dp, index));
      EXPECT_NEAR(sum, 1, 1e-12) << "dp " << dp;
    }
  }
}

TEST(MiniBatches, AConstantLengthDividesLongAndShortAnswersAlike) {
  Rollout rollout = made();
  rollout.samples[0].outcome = Outcome::failed;
  spec::Job job = job_of_step();
  job.loss.reduction = spec::LossReduction::constant;
  job.sampling.max_new_tokens = 5;
  for (const std::int64_t dp : {1, 2}) {
    double sum = 0;
    for (std::int64_t index = 0; index < dp; ++index) {
      const MiniBatch share = mini_batches(rollout, {0, 0, 0, 0}, job, dp, index)[0];
      for (std::size_t s = 0; s < share.weights.size(); ++s)
        EXPECT_NEAR(share.weights[s], share.sequences[s].id == 0 ? 0 : 1.0 / (3 * 5), 1e-15);
      EXPECT_NEAR(share.total_weight, 9.0 / 15, 1e-15) << "2 + 3 + 4 tokens";
      sum += weight_of_all({share});
    }
    EXPECT_NEAR(sum, 9.0 / 15, 1e-12);
  }
  job.loss.constant_tokens = 10;
  EXPECT_NEAR(mini_batches(rollout, {0, 0, 0, 0}, job, 1, 0)[0].weights[1], 1.0 / 30, 1e-15);
}

TEST(MiniBatches, WhatWasNotGradedOrCutOffWeighsNothing) {
  Rollout rollout = made();
  rollout.samples[1].outcome = Outcome::timeout;
  rollout.samples[3].sample.finish = generate::Finish::length;
  spec::Job job = job_of_step();
  EXPECT_EQ(mini_batches(rollout, {0, 0, 0, 0}, job, 1, 0)[0].weights,
            (std::vector<double>{1.0 / 8, 0, 1.0 / 8, 1.0 / 8}));
  job.grpo.overlong_filtering = true;
  EXPECT_EQ(mini_batches(rollout, {0, 0, 0, 0}, job, 1, 0)[0].weights, (std::vector<double>{1.0 / 4, 0, 1.0 / 4, 0}));
}

TEST(MiniBatches, UpdatesFollowEachOtherThroughTheSamples) {
  const Rollout rollout = made();
  spec::Job job = job_of_step();
  job.train.gbs = 2;
  const auto shares = mini_batches(rollout, {1, 2, 3, 4}, job, 1, 0);
  ASSERT_EQ(shares.size(), 2u);
  EXPECT_EQ(shares[0].advantages, (std::vector<double>{1, 2}));
  EXPECT_EQ(shares[1].advantages, (std::vector<double>{3, 4}));
  EXPECT_NEAR(shares[1].weights[0], 1.0 / 7, 1e-12);
}

TEST(TokenInputs, AreTakenBySequenceAndPosition) {
  const Rollout rollout = made();
  const auto shares = mini_batches(rollout, {1, 2, 3, 4}, job_of_step(), 1, 0);
  train::PackedBatch batch;
  batch.sequence_of_N = {3, 0, 3};
  batch.position_of_N = {1, 0, 0};
  const parallel::TokenLogprobs scores{.logprobs_N = at::tensor({-1.F, -2.F, -3.F}), .entropy_N = at::zeros({3})};
  const grpo::TokenInputs inputs = token_inputs(shares[0], batch, scores, {.ratio = spec::RatioLevel::sequence});
  EXPECT_TRUE(at::equal(inputs.advantages_N, at::tensor({4.F, 1.F, 4.F})));
  EXPECT_TRUE(at::equal(inputs.gen_logprobs_N, at::tensor({-0.4F, -0.1F, -0.4F})));
  EXPECT_TRUE(at::equal(inputs.old_logprobs_N, scores.logprobs_N)) << "the update's own where there was no pass before";
  EXPECT_FALSE(inputs.reference_logprobs_N.defined());
  EXPECT_TRUE(at::equal(inputs.sequences.sequence_N, at::tensor({0, 1, 0}, at::kLong)));
  EXPECT_TRUE(at::equal(inputs.sequences.tokens_ST, at::tensor({0, 2, 1, 3}, at::kLong).view({2, 2})));
}

}  // namespace
}  // namespace muster::loop
