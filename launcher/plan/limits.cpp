#include "launcher/plan/limits.h"

#include <algorithm>

#include "launcher/cluster/partition_list.h"
#include "runtime/base/text.h"

namespace muster::plan {

using base::text;

namespace {

void refuse_partition(const cluster::Cluster& cluster, const std::vector<cluster::PartitionLimits>& partitions,
                      const std::string& wanted, base::Faults& faults) {
  std::vector<std::string> names;
  for (const cluster::PartitionLimits& partition : partitions) names.push_back(partition.name);
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

/// Partitions that would take so many nodes.
std::vector<std::string> large_partitions(const std::vector<cluster::PartitionLimits>& partitions, std::int64_t nodes) {
  std::vector<std::string> large;
  for (const cluster::PartitionLimits& other : partitions)
    if (most_nodes(other) == 0 || most_nodes(other) >= nodes) large.push_back(other.name);
  return large;
}

/// What the plan breaks in one partition.
std::vector<base::Fault> broken_limits(const spec::Plan& plan, const cluster::Cluster& cluster,
                                       const std::vector<cluster::PartitionLimits>& partitions,
                                       const cluster::PartitionLimits& partition) {
  std::vector<base::Fault> broken;
  const std::int64_t most = most_nodes(partition);
  const std::vector<std::string> large = large_partitions(partitions, plan.num_nodes);
  if (most > 0 && plan.num_nodes > most)
    broken.push_back({.what = text("the plan needs ", plan.num_nodes, " nodes, but a job in partition ", partition.name,
                                   " may have ", most),
                      .where = cluster.places.of("slurm.partition"),
                      .fix = large.empty() ? "plan the job smaller: no partition takes it"
                                           : text("plan the job smaller, or set slurm.partition (--partition) to ",
                                                  base::join(large, " or "))});
  const std::int64_t wanted = cluster.slurm.time_limit_min;
  if (partition.max_time_min > 0 && wanted > partition.max_time_min)
    broken.push_back({.what = text("slurm.time_limit_min = ", wanted, ", but partition ", partition.name,
                                   " ends jobs after ", partition.max_time_min, " minutes"),
                      .where = cluster.places.of("slurm.time_limit_min"),
                      .fix = text("set it to ", partition.max_time_min, " or less (--time-limit-min)")});
  if (partition.max_memory_gb > 0 && partition.max_memory_gb < cluster.host_memory_gb &&
      asks_for_all_memory(cluster.slurm))
    broken.push_back(
        {.what = text("--mem=0 asks for all ", cluster.host_memory_gb, " GB of a node, but a job in partition ",
                      partition.name, " may have ", partition.max_memory_gb),
         .where = cluster.places.of("slurm.sbatch_flags"),
         .fix = text("set --mem=", static_cast<std::int64_t>(partition.max_memory_gb), "G or less there")});
  return broken;
}

}  // namespace

void check_limits(const spec::Plan& plan, const cluster::Cluster& cluster,
                  const std::vector<cluster::PartitionLimits>& partitions, base::Faults& faults,
                  std::vector<std::string>& warnings) {
  if (partitions.empty()) return;
  std::vector<std::string> unknown;
  const auto chosen = cluster::chosen_partitions(cluster.slurm.partition, partitions, unknown);
  for (const std::string& name : unknown) refuse_partition(cluster, partitions, name, faults);
  if (chosen.empty() && unknown.empty()) refuse_partition(cluster, partitions, "", faults);
  std::vector<base::Fault> all;
  std::size_t num_fit = 0;
  for (const cluster::PartitionLimits* partition : chosen) {
    const std::vector<base::Fault> broken = broken_limits(plan, cluster, partitions, *partition);
    if (broken.empty()) ++num_fit;
    all.insert(all.end(), broken.begin(), broken.end());
  }
  for (const base::Fault& fault : all) {
    if (num_fit == 0) {
      faults.add(fault);
    } else {
      warnings.push_back(fault.what + ": the job will not start there");
    }
  }
}

}  // namespace muster::plan
