// What is asked of Slurm against the plan: sbatch takes the last word for each flag, so a flag of the site's or a
// person's could quietly ask for another job than the one that was planned.
#pragma once

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"

namespace muster::plan {

/// Adds a fault, with both values, for each of slurm.sbatch_flags that contradicts the plan or that `submit` cannot go
/// with, and one for a requeue.margin_s as long as the job; a warning where the margin is most of the job. `places` of
/// the job's keys.
void check_request(const spec::Plan& plan, const cluster::Cluster& cluster, const spec::KeyPlaces& places,
                   base::Faults& faults, std::vector<std::string>& warnings);

}  // namespace muster::plan
