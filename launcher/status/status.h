// `muster status`, `logs`, `cancel`: what a run is doing, what its ranks wrote, and its end. By run folder, job id, or
// the newest run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "launcher/cli/verb.h"
#include "launcher/slurm/queries.h"

namespace muster::status {

/// Ends with the run's exit code, 0 while it goes on.
cli::Verb status_verb();
/// A submitted run is cancelled by scancel, a local one by TERM to its supervisor; waits until it has ended (30 s).
cli::Verb cancel_verb();
cli::Verb logs_verb();

struct LogsOptions {
  std::vector<std::string> words;  // RUN
  bool follow = false;
  std::optional<std::int64_t> rank;
};
/// --rank R: that rank's log, with -f as it grows until the run is over. Without --rank: the writer's log, or with -f
/// the progress. With -f it returns the exit code of the attempt that it followed. throws:
/// Error::cluster where that is over and left no verdict.
int print_logs(const LogsOptions& options);

/// What `status` shows: run, job, state, attempt, step, seconds, expected end, slowest host of each phase.
struct RunStatus {
  std::string page = {};
  nlohmann::ordered_json json = {};  // the same for scripts: run, job, state, code, steps_done, resume, ...
  int code = 0;                      // exit_code_of the run
};
/// Slurm that does not answer is reported on the page, not thrown.
RunStatus status_of(const std::filesystem::path& run_folder, slurm::Queries& queries);

}  // namespace muster::status
