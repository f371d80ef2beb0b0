// What a run of the self-test must show, and what each sabotaged run must not: pure functions of the figures of a run.
#pragma once

#include <string>
#include <vector>

namespace muster::selftest {

enum class Control { zero_advantage, shuffled_advantage, negated_advantage, no_refit };
inline constexpr Control kControls[] = {Control::zero_advantage, Control::shuffled_advantage,
                                        Control::negated_advantage, Control::no_refit};
/// Its name as selftest.sabotage takes it.
const char* control_name(Control control);

/// Figures of one run, from its records.
struct RunFigures {
  double start = 0;                 // reward on fresh prompts after the supervised start
  double last25 = 0;                // mean reward of the last 25 steps
  double largest_logprob_diff = 0;  // of all steps, generator against trainer
  int steps = 0;
};

struct SeedResult {
  long seed = 0;
  RunFigures figures;
  bool passed = false;
};

struct ControlResult {
  Control control = Control::zero_advantage;
  RunFigures figures;
  bool failed_as_it_should = false;
  std::string expectation;  // what it had to show, with the numbers
};

/// At least 0.85 over the last 25 steps.
SeedResult judge_seed(long seed, const RunFigures& figures);
/// zero and shuffled: at most 0.06 above the start; negated: at most half of the start; no refit: within 0.06 of the
/// start while generator and trainer part by more than 0.3.
ControlResult judge_control(Control control, const RunFigures& figures);
/// Every seed and control as it should be, and with five seeds or more a median of at least 0.92.
bool judge_all(const std::vector<SeedResult>& seeds, const std::vector<ControlResult>& controls);
double median_last25(const std::vector<SeedResult>& seeds);

}  // namespace muster::selftest
