#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/loop/rollout.h"
#include "tests/support/run_ranks.h"

namespace muster::loop {
namespace {

GradedSample made(std::int64_t group, std::int64_t index) {
  GradedSample scored;
  scored.sample = {.group = group,
                   .index = index,
                   .tokens = {static_cast<std::int32_t>(group), 7},
                   .logprobs = {-0.5F, -1.5F},
                   .raw_logprobs = {-0.25F, -1.F},
                   .finish = generate::Finish::length,
                   .weight_version = 3};
  scored.reward = 0.1 * static_cast<double>(group) + static_cast<double>(index);
  scored.parts = {static_cast<double>(group), 0.5};
  scored.shaping = -0.25;
  scored.outcome = index == 1 ? Outcome::timeout : Outcome::graded;
  return scored;
}

TEST(ExchangeSamples, EveryRankLearnsAllInOrder) {
  tests::run_ranks(3, [](tests::RankContext& rank) {
    std::vector<GradedSample> own;
    for (std::int64_t group = 0; group < 4; ++group)
      for (std::int64_t index = 0; index < 2; ++index)
        if (group % 2 == rank.rank) own.push_back(made(group, index));  // rank 2 has none
    const auto all = exchange_samples(*rank.world, own, 4, 2);
    ASSERT_EQ(all.size(), 8u);
    for (std::int64_t group = 0; group < 4; ++group)
      for (std::int64_t index = 0; index < 2; ++index) {
        const GradedSample& scored = all[group * 2 + index];
        const GradedSample expected = made(group, index);
        EXPECT_EQ(scored.sample.group, group);
        EXPECT_EQ(scored.sample.index, index);
        EXPECT_EQ(scored.sample.tokens, expected.sample.tokens);
        EXPECT_EQ(scored.sample.logprobs, expected.sample.logprobs);
        EXPECT_EQ(scored.sample.raw_logprobs, expected.sample.raw_logprobs);
        EXPECT_EQ(scored.sample.weight_version, 3);
        EXPECT_EQ(scored.reward, expected.reward);
        EXPECT_EQ(scored.parts, expected.parts);
        EXPECT_EQ(scored.shaping, expected.shaping);
        EXPECT_EQ(scored.outcome, expected.outcome);
      }
  });
}

TEST(ExchangeSamples, ARankThatGradesForLongerThanACallMayLastIsWaitedFor) {
  tests::run_ranks(2,
                   [](tests::RankContext& rank) {
                     if (rank.rank == 1) std::this_thread::sleep_for(std::chrono::milliseconds(1600));
                     const auto all = exchange_samples(*rank.world, {made(rank.rank, 0)}, 2, 1);
                     EXPECT_EQ(all.size(), 2u);
                   },
                   {.call_timeout_s = 0.5});
}

TEST(ExchangeSamples, AMissingSampleIsNamed) {
  tests::run_ranks(2, [](tests::RankContext& rank) {
    std::vector<GradedSample> own;
    if (rank.rank == 0) own.push_back(made(0, 0));
    EXPECT_THROW(exchange_samples(*rank.world, own, 1, 2), Error);
  });
}

TEST(CheckGraded, ARolloutWithoutAGradeEndsTheRun) {
  EXPECT_NO_THROW(check_graded({}));
  EXPECT_NO_THROW(check_graded({made(0, 0), made(0, 1)}));
  GradedSample failed = made(0, 0);
  failed.outcome = Outcome::failed;
  try {
    check_graded({failed, made(0, 1)});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("1 failed, 1 timed out"), std::string::npos) << error.what();
  }
}

TEST(CheckRewards, AnAbsurdRewardIsNamedWithItsPartAndRow) {
  Rollout rollout{.samples_per_prompt = 2};
  rollout.prompts.push_back({.row = 17});
  rollout.samples = {made(0, 0), made(0, 1)};
  spec::RewardJob job{.kind = "command"};
  EXPECT_NO_THROW(check_rewards(rollout, job));
  rollout.samples[0].outcome = Outcome::graded;
  for (const double absurd : {1e308, -1e40, std::numeric_limits<double>::infinity(), std::nan("")}) {
    rollout.samples[0].reward = absurd;
    rollout.samples[0].parts = {absurd};
    try {
      check_rewards(rollout, job);
      ADD_FAILURE() << absurd << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_NE(std::string(error.what()).find("the reward of an answer to row 17 is"), std::string::npos);
      EXPECT_NE(std::string(error.what()).find("(command gave"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace muster::loop
