// `muster status`, `logs`, `cancel`: what a run is doing, what its ranks wrote, and its end. By run folder, job id, or
// the newest run.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "launcher/cli/options.h"
#include "launcher/slurm/queries.h"

namespace muster::status {

/// [RUN] [--json]. Returns the run's exit code, 0 while it goes on.
int status_verb(const cli::Options& typed);
/// --rank R: that rank's log, with -f as it grows until the run is over. Without --rank: the writer's log, or with -f
/// the progress. With -f it returns the exit code of the attempt that it followed. throws:
/// Error::cluster where that is over and left no verdict.
int logs_verb(const cli::Options& typed);
/// A submitted run by scancel, a local one by TERM to its supervisor; waits until it has ended (30 s). throws: Error.
int cancel_verb(const cli::Options& typed);

/// What `status` shows: run, job, state, attempt, step, seconds, expected end, slowest host of each phase.
struct RunStatus {
  std::string page = {};
  nlohmann::ordered_json json = {};  // the same for scripts: run, job, state, code, steps_done, resume, ...
  int code = 0;                      // exit_code_of the run
};
/// Slurm that does not answer is reported on the page, not thrown.
RunStatus status_of(const std::filesystem::path& run_folder, slurm::Queries& queries);

}  // namespace muster::status
