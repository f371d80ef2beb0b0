#include "launcher/slurm/agents_step.h"

#include "launcher/slurm/host_list.h"
#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

// In srun's file names % begins a pattern.
std::string plain_in_pattern(const std::string& path) {
  std::string plain;
  for (const char c : path) plain += c == '%' ? "%%" : std::string(1, c);
  return plain;
}

}  // namespace

std::vector<std::string> agents_command(const AgentsStep& step) {
  const std::string num_nodes = std::to_string(step.hosts.size());
  std::vector<std::string> command{"srun",
                                   "--job-name=" + step.name,
                                   "--nodes=" + num_nodes,
                                   "--ntasks=" + num_nodes,
                                   "--ntasks-per-node=1",
                                   "--nodelist=" + compress_hosts(step.hosts),
                                   "--overlap",        // also inside an interactive step of the allocation
                                   "--cpu-bind=none",  // the agent binds its ranks
                                   "--mpi=none",
                                   "--kill-on-bad-exit=1",  // an agent that fails ends the others
                                   "--wait=0",  // one that ends well does not: a rank may still be writing the model
                                   "--export=ALL",  // ranks get the plan's explicit list from their agent
                                   "--input=none",
                                   "--output=" + plain_in_pattern((step.attempt_folder / "node_").string()) + "%n.log",
                                   "--open-mode=append"};
  command.insert(command.end(), step.flags.begin(), step.flags.end());
  command.insert(command.end(), step.agent.begin(), step.agent.end());
  return command;
}

}  // namespace muster::slurm
