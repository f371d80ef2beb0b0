// Are two runs identical? Step records in every field but clocks, rates, memory in use and the attempt, samples and the
// final weights; of a step that was repeated the highest attempt counts.
#pragma once

#include "runtime/spec/plan.h"

namespace muster::tests {

/// Fails the test once for each step and field that differs. `num_steps`: how many steps both must have.
void expect_same_run(const spec::RunPaths& run, const spec::RunPaths& other, std::int64_t num_steps);

/// In each step's samples (log.samples = -1; those of the highest attempt) every row stands with each of its samples
/// once, and no row stands in two steps: no prompt was lost or doubled. For runs within one epoch.
void expect_each_prompt_once(const spec::RunPaths& run, std::int64_t num_steps, std::int64_t prompts_per_step,
                             std::int64_t samples_per_prompt);

}  // namespace muster::tests
