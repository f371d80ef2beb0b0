// A run as its files tell it, followed while they grow: what `status` and `watch` show. Nobody is asked, neither the
// ranks nor Slurm.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "launcher/page/terminal.h"
#include "launcher/records/run_records.h"
#include "launcher/records/submission.h"
#include "launcher/records/verdict.h"
#include "runtime/spec/epoch.h"
#include "runtime/spec/plan.h"

namespace muster::records {

enum class RunState {
  waiting,   // no attempt has begun
  starting,  // and has no step yet
  running,
  lost,    // its supervisor, on this machine, is gone and left no verdict
  done,    // over, and all is well
  failed,  // over, or the newest job did not begin
  ended    // by a person or by Slurm
};
const char* state_name(RunState state);
page::Ink state_ink(RunState state);

/// All of it is public to read; only `read` changes it.
class FollowedRun {
 public:
  /// throws: Error::user when the folder holds no plan, or a broken one.
  explicit FollowedRun(const std::filesystem::path& folder);
  /// Takes what is new. A run that is over is read again only when its next attempt begins.
  /// throws: Error::user when the epoch file is broken.
  void read();

  spec::RunPaths paths;
  spec::Plan plan;
  std::optional<Submission> submission;  // the newest
  std::optional<spec::Epoch> epoch;      // none: no attempt has begun
  std::optional<Verdict> verdict;        // of the newest attempt
  std::string not_begun;                 // why the newest job began no attempt, or ""
  std::vector<std::string> hosts;        // by node slot, of the newest attempt
  RunState state = RunState::waiting;
  double elapsed_s = 0;     // of the newest attempt, until now or until its verdict
  double since_step_s = 0;  // since the last step's record
  double quiet_s = 0;       // since a record or the writer's log grew

  /// Of the newest attempt and those before it, without samples.
  const RunRecords& records() const;
  std::int64_t steps_done() const;
  /// Until the last step ends, as the steps so far tell; NaN when nothing is known, 0 of a run that is over.
  double remaining_s() const;

 private:
  RunState state_now() const;
  std::optional<RecordReader> reader_;
};

/// "generate 2.1, train 5.9, refit 0.1": mean seconds over the last eight steps.
std::string phases_text(const FollowedRun& run);
/// "1, supervised on node0"; "2, over: rank 3 on node1 fell silent (code 4)".
std::string attempt_text(const FollowedRun& run);
/// "2026-11-26 03:10, in 8 min 36 s".
std::string expected_end_text(double remaining_s, std::int64_t now_s);

}  // namespace muster::records
