#include "launcher/records/step_statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/launcher/records/run_fixture.h"

namespace muster::records {
namespace {

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

}  // namespace
}  // namespace muster::records
