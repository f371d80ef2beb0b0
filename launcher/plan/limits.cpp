#include "launcher/plan/limits.h"

#include <algorithm>

#include "runtime/base/text.h"

namespace muster::plan {

using base::text;

namespace {

void refuse_partition(const cluster::Cluster& cluster, const std::vector<cluster::PartitionLimits>& partitions,
                      base::Faults& faults) {
  std::vector<std::string> names;
  for (const cluster::PartitionLimits& partition : partitions) names.push_back(partition.name);
  const std::string& wanted = cluster.slurm.partition;
  const std::string near = base::nearest(wanted, names);
  faults.add({.what = wanted.empty() ? "slurm.partition is not set, and Slurm has no default partition"
                                     : text("Slurm has no partition '", wanted, "'"),
              .where = cluster.places.of("slurm.partition"),
              .fix = text(near.empty() ? "" : "did you mean '" + near + "'? ", "there are ", base::join(names, ", "))});
}

/// Nodes of one job at most; 0: not known.
std::int64_t most_nodes(const cluster::PartitionLimits& partition) {
  if (partition.max_nodes == 0 || partition.nodes == 0) return std::max(partition.max_nodes, partition.nodes);
  return std::min(partition.max_nodes, partition.nodes);
}

bool asks_for_all_memory(const cluster::SlurmFacts& slurm) {
  return std::find(slurm.sbatch_flags.begin(), slurm.sbatch_flags.end(), "--mem=0") != slurm.sbatch_flags.end();
}

}  // namespace

const cluster::PartitionLimits* partition_of(const cluster::SlurmFacts& slurm,
                                             const std::vector<cluster::PartitionLimits>& partitions) {
  for (const cluster::PartitionLimits& partition : partitions)
    if (slurm.partition.empty() ? partition.is_default : partition.name == slurm.partition) return &partition;
  return nullptr;
}

void check_limits(const spec::Plan& plan, const cluster::Cluster& cluster,
                  const std::vector<cluster::PartitionLimits>& partitions, base::Faults& faults) {
  if (partitions.empty()) return;
  const cluster::PartitionLimits* partition = partition_of(cluster.slurm, partitions);
  if (partition == nullptr) return refuse_partition(cluster, partitions, faults);
  std::vector<std::string> large;  // partitions that would take the job
  for (const cluster::PartitionLimits& other : partitions)
    if (most_nodes(other) == 0 || most_nodes(other) >= plan.num_nodes) large.push_back(other.name);
  const std::int64_t most = most_nodes(*partition);
  if (most > 0 && plan.num_nodes > most)
    faults.add({.what = text("the plan needs ", plan.num_nodes, " nodes, but a job in partition ", partition->name,
                             " may have ", most),
                .where = cluster.places.of("slurm.partition"),
                .fix = large.empty() ? "plan the job smaller: no partition takes it"
                                     : text("plan the job smaller, or set slurm.partition (--partition) to ",
                                            base::join(large, " or "))});
  const std::int64_t wanted = cluster.slurm.time_limit_min;
  if (partition->max_time_min > 0 && wanted > partition->max_time_min)
    faults.add({.what = text("slurm.time_limit_min = ", wanted, ", but partition ", partition->name,
                             " ends jobs after ", partition->max_time_min, " minutes"),
                .where = cluster.places.of("slurm.time_limit_min"),
                .fix = text("set it to ", partition->max_time_min, " or less (--time-limit-min)")});
  if (partition->max_memory_gb > 0 && partition->max_memory_gb < cluster.host_memory_gb &&
      asks_for_all_memory(cluster.slurm))
    faults.add({.what = text("--mem=0 asks for all ", cluster.host_memory_gb, " GB of a node, but a job in partition ",
                             partition->name, " may have ", partition->max_memory_gb),
                .where = cluster.places.of("slurm.sbatch_flags"),
                .fix = text("set --mem=", static_cast<std::int64_t>(partition->max_memory_gb), "G or less there")});
}

}  // namespace muster::plan
