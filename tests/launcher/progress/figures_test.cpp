#include "launcher/progress/figures.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/launcher/progress/run_fixture.h"

namespace muster::progress {
namespace {

TEST(Figures, MeanAndMedian) {
  EXPECT_DOUBLE_EQ(mean(std::vector<double>{1, 2, 6}), 3);
  EXPECT_DOUBLE_EQ(median({5, 1, 3}), 3);
  EXPECT_DOUBLE_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_TRUE(std::isnan(mean({})));
  EXPECT_TRUE(std::isnan(median({})));
}

TEST(RecentStep, LeavesTheFirstOutAndForgetsOldOnes) {
  std::vector<spec::StepRecord> records(20);
  std::vector<const spec::StepRecord*> steps;
  for (std::size_t i = 0; i < records.size(); ++i) records[i].step_to_step_s = i == 0 ? 100 : i < 12 ? 10 : 2;
  for (const auto& record : records) steps.push_back(&record);
  EXPECT_DOUBLE_EQ(recent_step_s(steps), 2);
  steps.resize(3);
  EXPECT_DOUBLE_EQ(recent_step_s(steps), 10);
  steps.resize(1);
  EXPECT_DOUBLE_EQ(recent_step_s(steps), 100);
  EXPECT_TRUE(std::isnan(recent_step_s({})));
}

TEST(Remaining, CountsDownWithinAStepAndNeverBelowTheStepsToCome) {
  EXPECT_DOUBLE_EQ(remaining_s(10, 3, 0), 30);
  EXPECT_DOUBLE_EQ(remaining_s(10, 3, 4), 26);
  EXPECT_DOUBLE_EQ(remaining_s(10, 3, 400), 20);
  EXPECT_DOUBLE_EQ(remaining_s(10, 0, 4), 0);
}

TEST(RunShare, MovesWithinAStep) {
  EXPECT_DOUBLE_EQ(run_share(5, 10, 4, 0), 0.5);
  EXPECT_DOUBLE_EQ(run_share(5, 10, 4, 2), 0.55);
  EXPECT_DOUBLE_EQ(run_share(5, 10, 4, 100), 0.59);
  EXPECT_DOUBLE_EQ(run_share(10, 10, 4, 100), 1);
  EXPECT_DOUBLE_EQ(run_share(0, 0, 4, 1), 0);
}

TEST(Figures, AreWrittenAsPeopleReadThem) {
  EXPECT_EQ(clock_text(0.4), "0 s");
  EXPECT_EQ(clock_text(59.6), "1 min 0 s");
  EXPECT_EQ(clock_text(70), "1 min 10 s");
  EXPECT_EQ(clock_text(7260), "2 h 1 min");
  EXPECT_EQ(clock_text(NAN), "?");
  EXPECT_EQ(step_seconds_text(0.1523), "0.152");
  EXPECT_EQ(step_seconds_text(8.21), "8.2");
  EXPECT_EQ(step_seconds_text(0.999), "1.0");
  EXPECT_EQ(step_seconds_text(123.4), "123");
  EXPECT_EQ(rate_text(12.34), "12.3");
  EXPECT_EQ(rate_text(4812.4), "4,812");
  EXPECT_EQ(rate_text(1234567), "1,234,567");
  EXPECT_EQ(rate_text(-1234), "-1,234");
  EXPECT_EQ(rate_text(999), "999");
  EXPECT_EQ(reward_text(NAN), "?");
  EXPECT_EQ(small_text(1.23e-6), "1.2e-06");
  EXPECT_EQ(small_text(0.5), "0.5");
  EXPECT_EQ(small_text(0), "0");
}

}  // namespace
}  // namespace muster::progress
