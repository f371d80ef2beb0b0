#include "runtime/loop/reward_shape.h"

#include <gtest/gtest.h>

namespace muster::loop {
namespace {

TEST(ShapedReward, OneRewardIsTakenAsItIs) {
  EXPECT_EQ(shaped_reward({}, {0.25}, {}).reward, 0.25);
  EXPECT_EQ(shaped_reward({}, {-3}, {.tokens = 99, .truncated = true}).reward, -3);
}

TEST(ShapedReward, PartsAddUpByWeightThenTheScaleApplies) {
  spec::Job job;
  job.reward.parts = {{.kind = "math"}, {.kind = "regex", .weight = 0.5}};
  EXPECT_EQ(shaped_reward(job, {1, 1}, {}).reward, 1.5);
  job.reward.target_min = -1;
  EXPECT_EQ(shaped_reward(job, {0, 0}, {}).reward, -1);
  EXPECT_EQ(shaped_reward(job, {0, 1}, {}).reward, 0);
  EXPECT_EQ(shaped_reward(job, {1, 1}, {}).reward, 1) << "clamped to source_max";
}

TEST(ShapedReward, ThePenaltyGrowsOverTheBuffer) {
  spec::Job job;
  job.sampling.max_new_tokens = 100;
  job.reward.overlong_buffer = 40;
  job.reward.overlong_penalty = 2;
  const auto at = [&](std::int64_t tokens) { return shaped_reward(job, {1}, {.tokens = tokens}); };
  EXPECT_EQ(at(10).reward, 1);
  EXPECT_EQ(at(60).shaping, 0);
  EXPECT_EQ(at(70).shaping, -0.5);
  EXPECT_EQ(at(80).reward, 0);
  EXPECT_EQ(at(100).reward, -1);
  EXPECT_EQ(at(500).reward, -1) << "never more than the penalty";
  job.reward.overlong_limit = 50;
  EXPECT_EQ(at(30).shaping, -1);
}

TEST(ShapedReward, OrAnAnswerThatWasCutOffCountsLess) {
  spec::Job job;
  job.reward.truncated_factor = 0.25;
  EXPECT_EQ(shaped_reward(job, {1}, {}).reward, 1);
  const ShapedReward cut = shaped_reward(job, {1}, {.truncated = true});
  EXPECT_EQ(cut.reward, 0.25);
  EXPECT_EQ(cut.shaping, -0.75);
}

}  // namespace
}  // namespace muster::loop
