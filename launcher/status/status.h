// `muster status`: what a run is doing. By run folder, job id, or the newest run.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "launcher/cli/verb.h"
#include "launcher/slurm/queries.h"

namespace muster::status {

/// Ends with the run's exit code, 0 while it goes on.
cli::Verb status_verb();

/// What `status` shows: run, job, state, attempt, step, seconds, expected end, slowest host of each phase.
struct RunStatus {
  std::string page = {};
  nlohmann::ordered_json json = {};  // the same for scripts: run, job, state, code, steps_done, resume, ...
  int code = 0;                      // exit_code_of the run
};
/// Slurm that does not answer is reported on the page, not thrown.
RunStatus status_of(const std::filesystem::path& run_folder, slurm::Queries& queries);

}  // namespace muster::status
