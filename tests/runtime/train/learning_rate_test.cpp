#include <gtest/gtest.h>

#include "runtime/train/trainer.h"

namespace muster::train {
namespace {

TEST(LearningRate, WarmsUpLinearlyAndReachesItsFullValue) {
  const spec::OptimizerJob optimizer{.lr = 1.0, .warmup_steps = 4};
  EXPECT_DOUBLE_EQ(learning_rate(optimizer, 0, 100), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate(optimizer, 3, 100), 1);
  EXPECT_DOUBLE_EQ(learning_rate(optimizer, 99, 100), 1);
}

TEST(LearningRate, DecaysFromTheWarmUpsEndToTheLastStep) {
  for (const spec::Schedule schedule : {spec::Schedule::linear, spec::Schedule::cosine}) {
    const spec::OptimizerJob optimizer{.lr = 1.0, .min_lr = 0.2, .warmup_steps = 10, .schedule = schedule};
    EXPECT_DOUBLE_EQ(learning_rate(optimizer, 10, 110), 1);
    EXPECT_NEAR(learning_rate(optimizer, 60, 110), 0.6, 1e-12);
    EXPECT_NEAR(learning_rate(optimizer, 110, 110), 0.2, 1e-12);
    EXPECT_NEAR(learning_rate(optimizer, 500, 110), 0.2, 1e-12);
    for (std::int64_t step = 10; step < 109; ++step)
      EXPECT_GT(learning_rate(optimizer, step, 110), learning_rate(optimizer, step + 1, 110));
  }
  EXPECT_NEAR(learning_rate({.lr = 1.0, .schedule = spec::Schedule::cosine}, 25, 100), 0.8535533905932737, 1e-12);
}

TEST(LearningRate, StepOneTakesTheRateGivenForIt) {
  const spec::OptimizerJob optimizer{.lr = 1.0, .warmup_steps = 4, .warmup_init_lr = 0.2};
  EXPECT_DOUBLE_EQ(learning_rate(optimizer, 0, 100), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(optimizer, 2, 100), 0.6);
  EXPECT_DOUBLE_EQ(learning_rate(optimizer, 4, 100), 1);
}

TEST(LearningRate, TheDecayMayEndBeforeOrAfterTheRun) {
  const spec::OptimizerJob optimizer{
      .lr = 1.0, .min_lr = 0, .warmup_steps = 10, .schedule = spec::Schedule::linear, .decay_steps = 110};
  EXPECT_NEAR(learning_rate(optimizer, 60, 1000), 0.5, 1e-12);
  EXPECT_NEAR(learning_rate(optimizer, 200, 1000), 0, 1e-12);
}

TEST(LearningRate, AWarmUpLongerThanTheRunIsOnlyAWarmUp) {
  const spec::OptimizerJob optimizer{.lr = 1.0, .warmup_steps = 50, .schedule = spec::Schedule::linear};
  EXPECT_DOUBLE_EQ(learning_rate(optimizer, 9, 10), 0.2);
}

}  // namespace
}  // namespace muster::train
