// The one step of a job: srun starts one node agent on each node. Decides the words; starts nothing.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace muster::slurm {

struct AgentsStep {
  std::string name;                     // by which the step is found when it is to end; no other step of the job has it
  std::vector<std::string> hosts;       // by slot
  std::vector<std::string> agent;       // program (absolute) and its words, the same on every node
  std::vector<std::string> flags = {};  // of srun, from the cluster file
  std::filesystem::path attempt_folder;  // node_<n>.log of each agent; must exist, or srun runs nothing and returns 0
};

std::vector<std::string> agents_command(const AgentsStep& step);

}  // namespace muster::slurm
