// `muster status`, `logs`, `cancel`: what a run is doing, what its ranks wrote, and its end. By run folder, job id, or
// the newest run.
#pragma once

#include <filesystem>
#include <string>

#include "launcher/cli/options.h"
#include "launcher/slurm/queries.h"

namespace muster::status {

int status_verb(const cli::Options& typed);
/// --rank R: that rank's log, with -f as it grows until the run is over. Without --rank: the writer's log, or with -f
/// the progress.
int logs_verb(const cli::Options& typed);
/// A submitted run by scancel, a local one by TERM to its supervisor; waits until it has ended (30 s). throws: Error.
int cancel_verb(const cli::Options& typed);

/// The page of `status`: run, job, state, attempt, step, seconds, expected end, slowest host of each phase. Slurm that
/// does not answer is said, not thrown.
std::string status_page(const std::filesystem::path& run_folder, slurm::Queries& queries);

}  // namespace muster::status
