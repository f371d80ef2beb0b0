// The ways in which a job can be changed to need less memory, cheapest first. Pure: what they are worth is asked
// elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::plan {

/// One way. Changes the job and tells what it changed, or "" where it has nothing to change.
using Change = std::function<std::string(spec::Job&)>;

/// What costs nothing or some time of a pass, cheapest first.
std::vector<Change> cheap_changes();
/// Other layouts, and at last more GPUs.
std::vector<Change> layout_changes();
/// Takes `factor` from the replicas of the generator and gives it to gen.tp.
Change gen_tp(std::int64_t factor);

}  // namespace muster::plan
