// What is asked of Slurm and who said so, as a page for people. Pure.
#pragma once

#include <string>

#include "launcher/cluster/cluster.h"

namespace muster::plan {

/// A line for each thing that a job's submission says beside its size: value, and the flag, the line of the personal
/// file or that of the cluster file which gave it. Empty for a cluster without Slurm.
std::string submission_page(const cluster::Cluster& cluster);

}  // namespace muster::plan
