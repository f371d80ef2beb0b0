#include "launcher/selftest/verdict.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/text.h"

namespace muster::selftest {

using base::number_text;

const char* control_name(Control control) {
  switch (control) {
    case Control::zero_advantage:
      return "zero_advantage";
    case Control::shuffled_advantage:
      return "shuffled_advantage";
    case Control::negated_advantage:
      return "negated_advantage";
    case Control::no_refit:
      break;
  }
  return "no_refit";
}

SeedResult judge_seed(long seed, const RunFigures& figures) { return {seed, figures, figures.last25 >= 0.85}; }

ControlResult judge_control(Control control, const RunFigures& figures) {
  constexpr double kRoom = 0.06;
  ControlResult result{control, figures, false, ""};
  switch (control) {
    case Control::zero_advantage:
    case Control::shuffled_advantage:
      result.failed_as_it_should = figures.last25 <= figures.start + kRoom;
      result.expectation = "last 25 steps at most " + number_text(figures.start + kRoom, 3);
      break;
    case Control::negated_advantage:
      result.failed_as_it_should = figures.last25 <= figures.start / 2;
      result.expectation = "last 25 steps at most " + number_text(figures.start / 2, 3);
      break;
    case Control::no_refit:
      result.failed_as_it_should =
          std::abs(figures.last25 - figures.start) <= kRoom && figures.largest_logprob_diff > 0.3;
      result.expectation = "last 25 steps within 0.06 of " + number_text(figures.start, 3) +
                           " and a log-probability difference above 0.3";
      break;
  }
  return result;
}

double median_last25(const std::vector<SeedResult>& seeds) {
  std::vector<double> values;
  for (const SeedResult& seed : seeds) values.push_back(seed.figures.last25);
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

bool judge_all(const std::vector<SeedResult>& seeds, const std::vector<ControlResult>& controls) {
  const bool each =
      std::all_of(seeds.begin(), seeds.end(), [](const SeedResult& s) { return s.passed; }) &&
      std::all_of(controls.begin(), controls.end(), [](const ControlResult& c) { return c.failed_as_it_should; });
  return each && (seeds.size() < 5 || median_last25(seeds) >= 0.92);
}

}  // namespace muster::selftest
