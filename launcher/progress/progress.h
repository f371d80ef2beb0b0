// What a person sees while a run goes on and when it is over, made from the run's records alone (steps.jsonl,
// samples.jsonl, warmup.jsonl, verdict): a redrawn bar on a terminal, plain lines elsewhere, and the summary.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "runtime/spec/plan.h"

namespace muster::progress {

/// Follows one attempt. Only what the records say: no talk with the ranks.
class View {
 public:
  /// `attempt`: lines of other attempts are left out. `terminal`: redraw, or plain lines.
  View(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t attempt, std::FILE* out, bool terminal);
  ~View();
  /// Reads what is new and shows it. To be called a few times a second; never waits.
  void poll();
  /// A sentence of the caller that stays above the block: "stopping: press Ctrl-C again to end it at once".
  void note(const std::string& sentence);
  /// The last state, and the cursor on a fresh line.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The summary of a run that finished: reward at start and end, seconds per phase, tokens/s per rank, generator
/// against trainer, peak memory, sample answers before and after, where the records and the final model lie. At most
/// 100 columns.
std::string summary_text(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t attempt);

}  // namespace muster::progress
