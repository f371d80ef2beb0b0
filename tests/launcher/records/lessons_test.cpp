#include "launcher/records/lessons.h"

#include <gtest/gtest.h>

namespace muster::records {
namespace {

LessonWarnings warnings_of(const std::vector<spec::StepRecord>& steps) {
  std::vector<const spec::StepRecord*> list;
  for (const spec::StepRecord& step : steps) list.push_back(&step);
  return lesson_warnings(list);
}

const spec::StepRecord kTeaches{.step = 1, .samples = 8, .advantage_max = 1, .advantage_min = -1};
const spec::StepRecord kIdle{.step = 1, .reward = 0.5, .samples = 8};

TEST(Lessons, TenStepsInARowWithoutADifferenceAreTold) {
  std::vector<spec::StepRecord> steps(9, kIdle);
  EXPECT_EQ(warnings_of(steps).idle, "");
  steps.push_back(kIdle);
  EXPECT_EQ(warnings_of(steps).idle,
            "nothing is learned: in the last 10 steps no group had differing rewards (mean reward 0.50)");
  steps.push_back(kTeaches);
  EXPECT_EQ(warnings_of(steps).idle, "");
  EXPECT_EQ(warnings_of({}).idle, "");
}

TEST(Lessons, AnswersOfWhichMostAreNotGradedAreTold) {
  spec::StepRecord slow = kTeaches;
  slow.timeouts = 4;
  slow.failed = 1;
  EXPECT_EQ(warnings_of({slow, slow}).ungraded, "") << "two steps say little";
  EXPECT_EQ(warnings_of({slow, slow, slow}).ungraded,
            "most answers do not count: of 24 of the last 3 steps 12 timed out and 3 failed in grading");
  EXPECT_EQ(warnings_of({slow, slow, slow, kTeaches}).ungraded, "");
}

}  // namespace
}  // namespace muster::records
