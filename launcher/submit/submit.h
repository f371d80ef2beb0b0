// `muster submit`: checks everything first, writes the run folder, submits with sbatch.
#pragma once

#include "launcher/cli/options.h"
#include "launcher/run/run_folder.h"
#include "launcher/slurm/control.h"
#include "launcher/slurm/queries.h"

namespace muster::submit {

/// JOB --cluster C [--run-dir DIR] [--set key=value]..., or --run-dir DIR alone for the next attempt. Returns 0.
/// throws: Error::user with every fault at once; Error::cluster when Slurm does not answer (about a second) or refuses.
int submit_verb(const cli::Options& typed);
int submit_verb(const cli::Options& typed, slurm::Queries& queries, slurm::Control& control);

/// A fault for each limit of its partition that the plan breaks: Slurm itself would accept such a job and never start
/// it.
void check_limits(const run::Prepared& prepared, const std::vector<slurm::PartitionFacts>& partitions,
                  base::Faults& faults);
/// "now", "in 3 min (20:31:07)", "not known yet".
std::string start_text(std::int64_t start_s, std::int64_t now_s);

}  // namespace muster::submit
