// Arithmetic on the figures of a run's steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/spec/step_record.h"

namespace muster::records {

/// Over which "lately" is told: the usual length of a step, phases, the slowest hosts.
inline constexpr std::ptrdiff_t kRecentSteps = 8;

/// Seconds of a step from end to end as the last ones tell: the median of the last kRecentSteps step_to_step_s (step_s
/// where it was not written); the first step counts only while there is no other, because much of it happens once. NaN
/// of none.
double recent_step_s(const std::vector<const spec::StepRecord*>& steps);
/// Seconds until the last step ends, when the last record came `since_last_s` ago. A step that takes longer than it
/// should does not make the figure negative. NaN when nothing is known.
double remaining_s(double step_s, std::int64_t steps_left, double since_last_s);
/// How far the run is, 0..1: whole steps, and of the running one what its usual length tells, nine tenths at most.
double run_share(std::int64_t steps_done, std::int64_t steps, double step_s, double since_last_s);

}  // namespace muster::records
