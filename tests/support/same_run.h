// Are two runs identical? Step records in the fields that count, samples and the final weights; of a step that was
// repeated the highest attempt counts.
#pragma once

#include "runtime/spec/plan.h"

namespace muster::tests {

/// Fails the test once for each step and field that differs. `num_steps`: how many steps both must have.
void expect_same_run(const spec::RunPaths& run, const spec::RunPaths& other, std::int64_t num_steps);

}  // namespace muster::tests
