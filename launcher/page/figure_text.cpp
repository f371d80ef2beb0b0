#include "launcher/page/figure_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "runtime/base/text.h"

namespace muster::page {

using base::number_text;

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

}  // namespace muster::page
