// From the rewards of a rollout to the advantage of each of its samples.
#pragma once

#include <vector>

#include "runtime/loop/rollout.h"
#include "runtime/spec/job.h"

namespace muster::loop {

/// One advantage a sample, in the order of rollout.samples, by the formula of `grpo` over the graded samples of each
/// group. A sample that timed out or failed takes no part in the statistics of its group and has 0, as have those of a
/// group with fewer than two graded ones, if there is a baseline. `penalties`, where they are not empty, are taken off
/// the rewards. Whitening is over the answer tokens of the graded samples.
std::vector<double> advantages(const Rollout& rollout, const spec::GrpoJob& grpo,
                               const std::vector<double>& penalties = {});

}  // namespace muster::loop
