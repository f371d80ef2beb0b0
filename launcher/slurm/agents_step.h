// The one step of a job: srun starts one node agent on each node. Decides the words and the environment; starts
// nothing.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace muster::slurm {

struct AgentsStep {
  std::vector<std::string> hosts;        // by slot
  std::vector<std::string> agent;        // program (absolute) and its words, the same on every node
  std::vector<std::string> flags = {};   // of srun, from the cluster file
  std::filesystem::path attempt_folder;  // node_<n>.log of each agent; must exist, or srun runs nothing and returns 0
};

std::vector<std::string> agents_command(const AgentsStep& step);
/// `environment` (NAME=value) without what would change the step behind our back: variables that an enclosing srun or
/// the user's options left (SLURM_HOSTFILE, SLURM_DISTRIBUTION, SLURM_CPU_BIND, SLURM_EXPORT_ENV, per-task requests,
/// ...).
std::vector<std::string> step_environment(const std::vector<std::string>& environment);

}  // namespace muster::slurm
