// Arithmetic on the figures of a run's steps, and figures as people read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/spec/step_record.h"

namespace muster::progress {

/// Over which "lately" is told: the usual length of a step, phases, the slowest hosts.
inline constexpr std::ptrdiff_t kRecentSteps = 8;

/// NaN of none.
double mean(std::span<const double> values);
double median(std::vector<double> values);

/// Seconds of a step from end to end as the last ones tell: the median of the last kRecentSteps step_to_step_s (step_s
/// where it was not written); the first step counts only while there is no other, because much of it happens once. NaN
/// of none.
double recent_step_s(const std::vector<const spec::StepRecord*>& steps);
/// Seconds until the last step ends, when the last record came `since_last_s` ago. A step that takes longer than it
/// should does not make the figure negative. NaN when nothing is known.
double remaining_s(double step_s, std::int64_t steps_left, double since_last_s);
/// How far the run is, 0..1: whole steps, and of the running one what its usual length tells, nine tenths at most.
double run_share(std::int64_t steps_done, std::int64_t steps, double step_s, double since_last_s);

/// "52 s", "1 min 10 s", "2 h 5 min"; "?" when not finite.
std::string clock_text(double seconds);
/// Seconds with decimals that suit them and no unit: 123, 8.2, 0.152.
std::string step_seconds_text(double seconds);
/// 4812.3 -> "4,812"; 12.34 -> "12.3"; "?" when not finite.
std::string rate_text(double value);
/// "0.61"; "?" when not finite.
std::string reward_text(double value);
/// Short scientific: "1.2e-06"; 0 is "0".
std::string small_text(double value);

}  // namespace muster::progress
