#include "launcher/progress/figures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "runtime/base/text.h"

namespace muster::progress {

using base::number_text;

namespace {
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
}  // namespace

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? kUnknown : sum / static_cast<double>(values.size());
}

double median(std::vector<double> values) {
  if (values.empty()) return kUnknown;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double recent_step_s(const std::vector<const spec::StepRecord*>& steps) {
  std::vector<double> seconds;
  for (const spec::StepRecord* step : steps)
    seconds.push_back(step->step_to_step_s > 0 ? step->step_to_step_s : step->step_s);
  if (seconds.size() > 1) seconds.erase(seconds.begin());
  if (std::ssize(seconds) > kRecentSteps) seconds.erase(seconds.begin(), seconds.end() - kRecentSteps);
  return median(std::move(seconds));
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

std::string clock_text(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  const auto whole = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  if (whole < 60) return base::text(whole, " s");
  if (whole < 3600) return base::text(whole / 60, " min ", whole % 60, " s");
  return base::text(whole / 3600, " h ", whole % 3600 / 60, " min");
}

std::string step_seconds_text(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  return number_text(seconds, seconds >= 99.95 ? 0 : seconds >= 0.995 ? 1 : 3);
}

std::string rate_text(double value) {
  if (!std::isfinite(value)) return "?";
  if (std::abs(value) < 99.95) return number_text(value, 1);
  std::string digits = number_text(value, 0);
  const std::size_t first = digits.front() == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string reward_text(double value) { return std::isfinite(value) ? number_text(value, 2) : "?"; }

std::string small_text(double value) {
  if (!std::isfinite(value)) return "?";
  if (value == 0) return "0";
  std::array<char, 32> buffer{};
  const double size = std::abs(value);
  std::snprintf(buffer.data(), buffer.size(), size >= 0.01 && size < 1000 ? "%.3g" : "%.1e", value);
  return buffer.data();
}

}  // namespace muster::progress
