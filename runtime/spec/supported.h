// What the runtime does not run yet. The launcher refuses it before a run folder exists, the runtime whoever wrote the
// plan: one list for both.
#pragma once

#include <string>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/spec/plan.h"

namespace muster::spec {

/// Returns one fault for each axis, mode and model family of the plan that the runtime lacks: `what` is its setting
/// ("train.cp = 2"), `fix` the setting that does without it. Empty: it runs.
std::vector<base::Fault> unsupported(const Plan& plan);
/// The settings of `faults` in one sentence: "the runtime does not run train.cp = 2, async.enabled = true yet".
std::string unsupported_text(const std::vector<base::Fault>& faults);
/// throws: Error::user with all of unsupported(plan); `where` says whose plan it is.
void check_supported(const Plan& plan, const std::string& where);

}  // namespace muster::spec
