// Which nodes a run takes, after a look at each where the plan wants one (placement.preflight): nodes with something to
// fix are left out as long as enough of the allocation remain (placement.spares).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launcher/health/finding.h"
#include "launcher/supervise/nodes.h"

namespace muster::supervise {

struct NodeSearch {
  std::optional<spec::SlurmEnv> slurm;
  std::vector<std::string> srun_flags = {};                                 // as the agents get them
  std::function<void(const std::string&)> say = [](const std::string&) {};  // one line at a time
};

/// decide_nodes; with placement.preflight of the hosts that are fit. Looks at every host of the allocation at once by a
/// step of srun (at this machine where there is none) for what node_wanted.json in the run folder asks, and keeps the
/// page in preflight.txt. throws: Error::cluster naming what is bad when too few remain.
Nodes choose_nodes(const spec::Plan& plan, slurm::Queries& queries, const NodeSearch& search);

/// Hosts with something to fix. Pure.
std::vector<std::string> unfit_hosts(const std::vector<health::Report>& reports);
/// "node1: GPUs 7 (8 wanted); node3: ..." of what is to fix, one finding a host. Pure.
std::string unfit_text(const std::vector<health::Report>& reports);

}  // namespace muster::supervise
