#include "launcher/slurm/environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

// Which Slurm, and how to prove who asks: they change no job.
constexpr std::array<std::string_view, 6> kWhichSlurm{"SLURM_CONF", "SLURM_CLUSTERS",    "SLURM_CLUSTER_NAME",
                                                      "SLURM_JWT",  "SLURM_SACK_SOCKET", "SLURM_SACK_KEY"};
const std::array<std::string, 8> kOfCommands{"SBATCH_", "SLURM_", "SALLOC_",  "SRUN_",
                                             "SQUEUE_", "SINFO_", "SCANCEL_", "SCONTROL_"};
const std::array<std::string, 4> kOfJobs{"SBATCH_", "SLURM_", "SALLOC_", "SRUN_"};
const std::array<std::string, 3> kOfSteps{"SBATCH_", "SLURM_", "SALLOC_"};
// What Slurm itself leaves in a job and no command takes for a flag.
const std::array<std::string, 21> kDescribing{"SLURM_JOB_",      "SLURM_JOBID",         "SLURM_NODE",
                                              "SLURM_NNODES",    "SLURM_TASK_PID",      "SLURM_TASKS_PER_NODE",
                                              "SLURM_STEP",      "SLURM_SUBMIT_",       "SLURM_PROCID",
                                              "SLURM_LOCALID",   "SLURM_GTIDS",         "SLURM_PRIO_PROCESS",
                                              "SLURM_TOPOLOGY_", "SLURM_LAUNCH_",       "SLURM_SRUN_COMM_",
                                              "SLURM_RLIMIT_",   "SLURM_GPUS_ON",       "SLURM_CPUS_ON_NODE",
                                              "SLURM_SCRIPT_",   "SLURM_OOM_KILL_STEP", "SRUN_DEBUG"};
constexpr std::size_t kShown = 60;  // characters of a value

std::string variable_of(const std::string& line) { return line.substr(0, line.find('=')); }

bool says_which_slurm(const std::string& name) {
  return std::find(kWhichSlurm.begin(), kWhichSlurm.end(), name) != kWhichSlurm.end();
}

bool is_for_commands(const std::string& name) {
  return base::starts_with_any(name, kOfCommands) && !says_which_slurm(name);
}

bool is_for_steps(const std::string& name) {
  return base::starts_with_any(name, kOfSteps) && !says_which_slurm(name) && !name.starts_with("SLURM_JOB_") &&
         name != "SLURM_JOBID";
}

template <class IsOut>
std::vector<std::string> without(const std::vector<std::string>& environment, const IsOut& is_out) {
  std::vector<std::string> kept;
  for (const std::string& line : environment)
    if (!is_out(variable_of(line))) kept.push_back(line);
  return kept;
}

}  // namespace

std::vector<std::string> own_environment() {
  std::vector<std::string> lines;
  for (char** line = environ; *line != nullptr; ++line) lines.emplace_back(*line);
  return lines;
}

std::vector<std::string> command_environment(const std::vector<std::string>& environment) {
  return without(environment, is_for_commands);
}

std::vector<std::string> step_environment(const std::vector<std::string>& environment) {
  return without(environment, is_for_steps);
}

std::string left_out_text(const std::vector<std::string>& environment) {
  std::vector<std::string> named;
  std::size_t num_describing = 0;
  std::string job;
  for (const std::string& line : environment) {
    const std::string name = variable_of(line);
    if (name == "SLURM_JOB_ID") job = line.substr(name.size() + 1);
    if (!is_for_commands(name)) continue;
    if (base::starts_with_any(name, kDescribing)) {
      ++num_describing;
    } else if (base::starts_with_any(name, kOfJobs)) {
      named.push_back(line.size() <= kShown ? line : line.substr(0, kShown) + "...");
    }
  }
  std::sort(named.begin(), named.end());
  std::string others = num_describing == 0 ? "" : base::text(num_describing, " variables that describe job ", job);
  if (named.empty() && others.empty()) return "";
  if (!named.empty() && !others.empty()) others = ", and " + others;
  return base::text("not passed on to Slurm: ", base::join(named, ", "), others,
                    "; the plan, the flags, ~/.config/muster.toml and the cluster file decide");
}

}  // namespace muster::slurm
