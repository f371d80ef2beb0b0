// How a rank and its reward workers are started: command, environment, affinity. Decides and does nothing.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/base/process.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/rank_env.h"

namespace muster::node {

/// A rank that speaks for its samples scores them: it generates and is the first of its tensor-parallel group. It gets
/// the workers. In the plan of a verb nobody does.
bool scores(const spec::Plan& plan, const spec::RankPlan& rank);

/// NAME=value of what the cluster's setup lines set or changed in the batch script, as this node has it.
std::vector<std::string> site_environment();
/// NAME=value for a log: the value of a name that speaks of a secret (KEY, TOKEN, SECRET, PASSWORD, ...) is not shown.
std::string masked(const std::string& line);
/// NAME=value of a few names that come from where the agent was started (PATH, HOME, LD_LIBRARY_PATH,
/// CUDA_VISIBLE_DEVICES, ...), and of the site's. Everything else is written in the plan: a rank sees the same under
/// Slurm and on one machine.
std::vector<std::string> inherited_environment();
/// The inherited names, then the plan's, then the rank's own, then MUSTER_*; of one name the last counts. Each name
/// stands once.
std::vector<std::string> rank_environment(const spec::Plan& plan, const spec::RankPlan& rank,
                                          const spec::RankEnv& told);

/// The inherited names, and those of reward.environment with the values that this process has: for the programs of its
/// workers, and nobody else.
std::vector<std::string> worker_environment(const spec::RewardJob& job);

/// The wanted CPUs that this process may use; empty (not bound) when none of them is among `allowed`.
std::vector<int> usable_cpus(const std::vector<int>& wanted, const std::vector<int>& allowed);
/// CPUs that this process may run on.
std::vector<int> allowed_cpus();

/// job.rank_wrapper, then muster-rank in `binaries`. `log_fd` becomes standard output and error.
base::ChildOptions rank_child(const spec::Plan& plan, const spec::RankPlan& rank, const spec::RankEnv& told,
                              const std::filesystem::path& binaries, int log_fd);
/// `muster-runtime reward` in `binaries`, on the worker's end of its socket pair.
base::ChildOptions worker_child(const spec::Plan& plan, const spec::RankPlan& rank, int fd,
                                const std::filesystem::path& binaries, int log_fd);

/// No core files, as many open files and locked pages as the hard limits allow. For this process and all it starts.
void raise_limits();

}  // namespace muster::node
