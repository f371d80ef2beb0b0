// Plan and cluster -> text of the batch script. Pure functions of their arguments; the shape stands in
// templates/batch.sh.in.
#pragma once

#include <filesystem>
#include <string>

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"

namespace muster::render {

/// About a dozen lines: directives, `set -u`, the cluster's setup lines, one exec of `muster supervise`. A plan without
/// a run folder (only shown) has "RUN_FOLDER" in its place. `muster`: the launcher's path on the nodes. Lines that hold
/// nothing fall away. throws: Error::user when a name or path holds a line break, or the template a name that is not
/// known.
std::string batch_script(const std::string& shape, const spec::Plan& plan, const cluster::Cluster& cluster,
                         const std::filesystem::path& muster);

/// What the job's --output begins with, as sbatch takes it (% doubled), and no other run's does.
std::string log_prefix(const std::filesystem::path& run_folder);
/// Adds a fault where sbatch cannot carry the run's folder or name: quotes, backslashes, line breaks.
void check_names(const spec::Plan& plan, base::Faults& faults);

/// What stands between srun's own words and the agent: the site's flags of srun, and the container. The supervisor is
/// on the host. The agent sets every name of a rank's environment itself, so nothing has to be passed into the
/// container.
std::vector<std::string> agent_words(const spec::Plan& plan, const cluster::Cluster& cluster);

/// The directives' words, several to a line: nodes and tasks; partition, account, ...; time, requeue, signal.
std::string size_directives(const spec::Plan& plan, const cluster::Cluster& cluster);
std::string where_directives(const cluster::SlurmFacts& slurm);
std::string life_directives(const spec::Job& job, const cluster::SlurmFacts& slurm);

}  // namespace muster::render
