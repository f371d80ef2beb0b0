#include "launcher/records/step_statistics.h"

#include <algorithm>

#include "runtime/base/mean.h"

namespace muster::records {

double recent_step_s(const std::vector<const spec::StepRecord*>& steps) {
  std::vector<double> seconds;
  for (const spec::StepRecord* step : steps)
    seconds.push_back(step->step_to_step_s > 0 ? step->step_to_step_s : step->step_s);
  if (seconds.size() > 1) seconds.erase(seconds.begin());
  if (std::ssize(seconds) > kRecentSteps) seconds.erase(seconds.begin(), seconds.end() - kRecentSteps);
  return base::median(std::move(seconds));
}

double remaining_s(double step_s, std::int64_t steps_left, double since_last_s) {
  if (steps_left <= 0) return 0;
  return std::max(0.0, step_s - since_last_s) + step_s * static_cast<double>(steps_left - 1);
}

double run_share(std::int64_t steps_done, std::int64_t steps, double step_s, double since_last_s) {
  if (steps <= 0) return 0;
  const double running = steps_done < steps && step_s > 0 ? std::clamp(since_last_s / step_s, 0.0, 0.9) : 0;
  return std::min(1.0, (static_cast<double>(steps_done) + running) / static_cast<double>(steps));
}

}  // namespace muster::records
