// What the scheduler allows against what a plan asks for. Slurm accepts a job beyond the limits of its partition and
// lets it wait for ever, so this is checked before.
#pragma once

#include <vector>

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"

namespace muster::plan {

/// A fault for each limit of its partition that the plan breaks. `partitions` from the cluster file, or from Slurm.
void check_limits(const spec::Plan& plan, const cluster::Cluster& cluster,
                  const std::vector<cluster::PartitionLimits>& partitions, base::Faults& faults);

/// The one that the job would go to; null when there is none of that name, or no default.
const cluster::PartitionLimits* partition_of(const cluster::SlurmFacts& slurm,
                                             const std::vector<cluster::PartitionLimits>& partitions);

}  // namespace muster::plan
