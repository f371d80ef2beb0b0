// A step teaches through groups whose rewards differ, and through answers that were graded at all.
#include "launcher/records/lessons.h"

#include <algorithm>

#include "runtime/base/text.h"

namespace muster::records {
namespace {

using base::text;

constexpr std::size_t kIdleSteps = 10, kGradedSteps = 10, kFewestSteps = 3;

bool is_idle(const spec::StepRecord& step) {
  return step.samples > 0 && step.advantage_max == 0 && step.advantage_min == 0;
}

}  // namespace

LessonWarnings lesson_warnings(const std::vector<const spec::StepRecord*>& steps) {
  LessonWarnings warnings;
  const auto taught = std::find_if(steps.rbegin(), steps.rend(), [](const auto* step) { return !is_idle(*step); });
  const auto idle = static_cast<std::size_t>(taught - steps.rbegin());
  if (idle >= kIdleSteps)
    warnings.idle =
        text("nothing is learned: in the last ", idle, " steps no group had differing rewards (mean reward ",
             base::number_text(steps.back()->reward, 2), ")");
  const std::size_t count = std::min(steps.size(), kGradedSteps);
  if (count < kFewestSteps) return warnings;
  std::int64_t samples = 0, timeouts = 0, failed = 0;
  for (std::size_t i = steps.size() - count; i < steps.size(); ++i) {
    samples += steps[i]->samples;
    timeouts += steps[i]->timeouts;
    failed += steps[i]->failed;
  }
  if (2 * (timeouts + failed) > samples)
    warnings.ungraded = text("most answers do not count: of ", samples, " of the last ", count, " steps ", timeouts,
                             " timed out and ", failed, " failed in grading");
  return warnings;
}

std::int64_t idle_steps(const std::vector<const spec::StepRecord*>& steps) {
  return std::count_if(steps.begin(), steps.end(), [](const auto* step) { return is_idle(*step); });
}

}  // namespace muster::records
