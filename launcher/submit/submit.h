// `muster submit`: checks everything first, writes the run folder, submits with sbatch.
#pragma once

#include "launcher/cli/verb.h"
#include "launcher/run/run_folder.h"
#include "launcher/slurm/control.h"
#include "launcher/slurm/queries.h"

namespace muster::submit {

/// JOB --cluster C [--run-dir DIR] [--set key=value]..., or --run-dir DIR alone for the next attempt. Returns 0.
/// throws: Error::user with every fault at once, also for a run of which a job is pending or running; Error::cluster
/// when Slurm does not answer (about a second) or refuses.
cli::Verb submit_verb();
/// What follows when Slurm has taken the job.
struct Afterwards {
  bool json = false;   // says it as one JSON object
  bool wait = false;   // waits for the end of the job and ends with the run's code
  double look_s = 10;  // between two looks
};
int submit(const run::StartOptions& options, slurm::Queries& queries, slurm::Control& control,
           const Afterwards& then = {});
/// Waits until Slurm knows the job no more, or as one that is over. The code of the run's newest attempt; 3 where it
/// left no verdict. A controller that does not answer is asked again.
int wait_for_job(const std::filesystem::path& run_folder, const std::string& job_id, slurm::Queries& queries,
                 double look_s);

/// Adds a fault for each limit of its partitions that the plan breaks, a warning where only some of them will not take
/// it: Slurm itself would accept such a job and never start it.
void check_limits(const run::Prepared& prepared, const std::vector<slurm::PartitionFacts>& partitions,
                  base::Faults& faults, std::vector<std::string>& warnings);
/// The nodes that the job could get, by their state now.
struct Pool {
  std::string partition;                  // or several, "batch,short"
  std::vector<slurm::NodeFacts> nodes;    // of the partitions, without those that are excluded
  std::vector<slurm::BlockFacts> blocks;  // asked for only when the plan has segments
};
Pool pool_of(const run::Prepared& prepared, const std::vector<slurm::PartitionFacts>& partitions,
             slurm::Queries& queries);
/// Slurm foretells no start for a job that needs nodes which are down, drained or not answering, with the same words as
/// for one that can never run; but it takes that job, and lets it wait for them. What it waits for, or "" when the
/// nodes that are up suffice (then a refusal is final).
std::string away_text(const run::Prepared& prepared, const Pool& pool);
/// A fault when the pool's blocks, with every node up, cannot hold the plan's segments.
void check_segments(const run::Prepared& prepared, const Pool& pool, base::Faults& faults);

/// "now", "in 3 min (20:31:07)", "not known yet".
std::string start_text(std::int64_t start_s, std::int64_t now_s);

}  // namespace muster::submit
