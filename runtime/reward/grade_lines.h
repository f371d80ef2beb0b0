// The verb `grade`: many answers graded as a run would grade them, by a worker with its limits.
#pragma once

#include <string>

#include "runtime/reward/grade.h"
#include "runtime/reward/worker.h"

namespace muster::reward {

/// {"id", "gold", "answer", settings} -> {"id", "reward", "outcome"}, one JSON object a line (base/json_filter.h). The
/// settings of a line stand beside its other members or in "settings", by the names of GradeSettings; what it leaves
/// out is as in `settings`. "prompt" and "row" are for the kind command; a prompt that ends with a tag of thinking also
/// says that the reply begins in it. Forks before it starts a thread. throws: Error::user.
void grade_lines(const std::string& kind, const std::string& input, const std::string& output,
                 const WorkerLimits& limits, const GradeSettings& settings = {});

}  // namespace muster::reward
