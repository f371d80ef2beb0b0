// Where a run stands when Slurm is asked too: the files know what attempts did, only Slurm knows of a job that waits,
// was cancelled before it began, or ended without a verdict.
#pragma once

#include <optional>
#include <string>

#include "launcher/records/followed_run.h"
#include "launcher/slurm/queries.h"

namespace muster::status {

struct Standing {
  records::RunState state = records::RunState::waiting;
  std::string words = {};  // "cancelled before it began", "attempt 2 of 3"; or ""
};

/// Returns where the run stands. `job`: the newest job of the run; none: Slurm knows it no more. Without a submission,
/// or where Slurm does not answer, run.state is all there is: do not ask.
Standing standing_of(const records::FollowedRun& run, const std::optional<slurm::JobFacts>& job);

/// The exit code that `status` ends with: 0 while the run goes on and when all is well; of a run that is
/// over its verdict's; without one 2 where it did not begin, 3 where it was lost, 143 where somebody ended it.
int exit_code_of(const records::FollowedRun& run, const Standing& standing);

/// "waiting (attempt 2 of 3)".
std::string standing_text(const Standing& standing);
/// "muster submit --run-dir runs/a   (it resumes after step 4)"; "" for a run that resumes by itself or is done.
std::string resume_text(const records::FollowedRun& run, const Standing& standing);

}  // namespace muster::status
