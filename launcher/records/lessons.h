// What a person should know while a run goes on: that nothing is being learned, or that most answers do not count.
#pragma once

#include <string>
#include <vector>

#include "runtime/spec/step_record.h"

namespace muster::records {

/// Both are empty where there is nothing to warn of.
struct LessonWarnings {
  std::string idle;      // no group taught anything in the last ten steps or more
  std::string ungraded;  // most answers of the last steps (three to ten) timed out or failed
};

/// `steps`: those so far, in their order.
LessonWarnings lesson_warnings(const std::vector<const spec::StepRecord*>& steps);
/// Steps in which no group had differing rewards, so that every advantage was 0.
std::int64_t idle_steps(const std::vector<const spec::StepRecord*>& steps);

}  // namespace muster::records
