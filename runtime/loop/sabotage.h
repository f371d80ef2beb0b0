// What `muster selftest` breaks on purpose (selftest.sabotage), to show that such a run does not learn and that the
// records tell.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::loop {

/// The advantages of a step as the sabotage leaves them: zero, negated, dealt to other samples; as they are without.
std::vector<double> sabotaged(std::vector<double> advantages, const spec::Job& job, std::int64_t step);

/// False where the generator is to keep its first weights.
bool refits(const spec::Job& job);

}  // namespace muster::loop
