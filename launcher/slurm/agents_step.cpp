#include "launcher/slurm/agents_step.h"

#include <algorithm>
#include <array>

#include "launcher/slurm/host_list.h"
#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

constexpr std::array kDropped{"SLURM_HOSTFILE",
                              "SLURM_DISTRIBUTION",
                              "SLURM_CPU_BIND",
                              "SLURM_CPU_BIND_LIST",
                              "SLURM_CPU_BIND_TYPE",
                              "SLURM_CPU_BIND_VERBOSE",
                              "SLURM_EXPORT_ENV",
                              "SLURM_GPUS_PER_TASK",
                              "SLURM_GPU_BIND",
                              "SLURM_TRES_PER_TASK",
                              "SLURM_NTASKS_PER_GPU",
                              "SLURM_NTASKS_PER_NODE",
                              "SLURM_NTASKS_PER_TRES",
                              "SLURM_NTASKS_PER_CORE",
                              "SLURM_NTASKS_PER_SOCKET",
                              "SLURM_NTASKS",
                              "SLURM_NPROCS",
                              "SLURM_CPUS_PER_TASK",
                              "SLURM_THREADS_PER_CORE",
                              "SLURM_KILL_BAD_EXIT",
                              "SLURM_WAIT",
                              "SLURM_MPI_TYPE",
                              "SLURM_HINT",
                              "SLURM_EXACT",
                              "SLURM_EXCLUSIVE",
                              "SLURM_WHOLE",
                              "SLURM_STDOUTMODE",
                              "SLURM_STDERRMODE",
                              "SLURM_STDINMODE",
                              "SLURM_UNBUFFEREDIO",
                              "SLURM_WORKING_DIR",
                              "SLURM_MULTI_PROG",
                              "SLURM_TASK_PROLOG",
                              "SLURM_TASK_EPILOG"};

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

std::vector<std::string> step_environment(const std::vector<std::string>& environment) {
  std::vector<std::string> kept;
  for (const std::string& line : environment) {
    const std::string name = line.substr(0, line.find('='));
    if (std::find(kDropped.begin(), kDropped.end(), name) == kDropped.end()) kept.push_back(line);
  }
  return kept;
}

}  // namespace muster::slurm
