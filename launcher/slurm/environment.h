// Which variables Slurm's commands get from us. Slurm reads dozens of them as if they had been typed as flags, and they
// win over the batch script; so a rule decides, with a short list of those that only say which Slurm is meant.
#pragma once

#include <string>
#include <vector>

namespace muster::slurm {

/// Returns this process's environment, as NAME=value.
std::vector<std::string> own_environment();

/// Returns what sbatch, scontrol, scancel and squeue get: `environment` without SBATCH_*, SLURM_*, SALLOC_*, SRUN_* and
/// those of the other commands, but with the names of kWhichSlurm. A submitted job starts with it too.
std::vector<std::string> command_environment(const std::vector<std::string>& environment);
/// Returns what srun of the agents' step gets inside a job: SLURM_JOB_* and kWhichSlurm stay, all other SLURM_*,
/// SBATCH_* and SALLOC_* go, so that the step has the memory, CPUs and GPUs of its job. SRUN_* stays: inside a job it
/// comes from the cluster's setup lines, outside from the person who has the allocation.
std::vector<std::string> step_environment(const std::vector<std::string>& environment);

/// Returns a sentence that names each variable which command_environment leaves out and which would have changed a
/// job; those that only describe the job in which we are typed are counted. "" when there is none.
std::string left_out_text(const std::vector<std::string>& environment);

}  // namespace muster::slurm
