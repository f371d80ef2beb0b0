// What the scheduler allows against what a plan asks for. Slurm accepts a job beyond the limits of its partition and
// lets it wait for ever, so this is checked before.
#pragma once

#include <vector>

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"

namespace muster::plan {

/// Adds a fault for each limit that the plan breaks in every partition of its list, and a warning for each that it
/// breaks in some: there it would never start. `partitions` from the cluster file, or from Slurm.
void check_limits(const spec::Plan& plan, const cluster::Cluster& cluster,
                  const std::vector<cluster::PartitionLimits>& partitions, base::Faults& faults,
                  std::vector<std::string>& warnings);

}  // namespace muster::plan
