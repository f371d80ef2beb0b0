#include "launcher/slurm/environment.h"

#include <gtest/gtest.h>

namespace muster::slurm {
namespace {

using Lines = std::vector<std::string>;

TEST(Environment, NothingThatChangesAJobReachesSlurmsCommands) {
  EXPECT_EQ(
      command_environment({"PATH=/bin", "SBATCH_PARTITION=short", "SBATCH_TIMELIMIT=3", "SLURM_CONF=/e/slurm.conf",
                           "SLURM_CLUSTERS=lab", "SLURM_MEM_PER_NODE=500", "SLURM_RESTART_COUNT=2", "SLURM_JOB_ID=7",
                           "SALLOC_ACCOUNT=a", "SRUN_CPUS_PER_TASK=4", "SLURM_TIME_FORMAT=%s", "SCANCEL_STATE=PENDING",
                           "SLURM_OF_A_LATER_RELEASE=1", "SLURMISH=1"}),
      (Lines{"PATH=/bin", "SLURM_CONF=/e/slurm.conf", "SLURM_CLUSTERS=lab", "SLURMISH=1"}));
}

TEST(Environment, AStepKnowsItsJobAndNothingThatWouldChangeIt) {
  EXPECT_EQ(step_environment({"PATH=/bin",
                              "SLURM_JOB_ID=7",
                              "SLURM_JOBID=7",
                              "SLURM_CONF=/e/slurm.conf",
                              "SLURM_JOB_NODELIST=n[0-1]",
                              "SLURMD_NODENAME=n0",
                              "SRUN_CPUS_PER_TASK=4",
                              "SLURM_DISTRIBUTION=arbitrary",
                              "SLURM_HOSTFILE=/h",
                              "SLURM_NTASKS=64",
                              "SLURM_EXPORT_ENV=NONE",
                              "SLURM_MEM_PER_CPU=100",
                              "SLURM_MEM_PER_GPU=100",
                              "SLURM_GPUS_PER_NODE=3",
                              "SLURM_GPUS=3",
                              "SLURM_CPUS_PER_GPU=1",
                              "SLURM_GRES=gpu:1",
                              "SLURM_TRES_PER_TASK=cpu:4",
                              "SBATCH_EXCLUSIVE=user",
                              "SALLOC_QOS=q"}),
            (Lines{"PATH=/bin", "SLURM_JOB_ID=7", "SLURM_JOBID=7", "SLURM_CONF=/e/slurm.conf",
                   "SLURM_JOB_NODELIST=n[0-1]", "SLURMD_NODENAME=n0", "SRUN_CPUS_PER_TASK=4"}));
}

TEST(Environment, WhatIsLeftOutIsNamedAndWhatDescribesTheJobAroundUsIsCounted) {
  EXPECT_EQ(left_out_text({"PATH=/bin", "SLURM_CONF=/e/slurm.conf", "SQUEUE_FORMAT=%i"}), "");
  const std::string words = left_out_text(
      {"SBATCH_TIMELIMIT=3", "SLURM_JOB_ID=12", "SLURM_JOB_NODELIST=n0", "SLURM_MEM_PER_CPU=50", "SLURM_NODEID=0"});
  EXPECT_TRUE(
      words.starts_with("not passed on to Slurm: SBATCH_TIMELIMIT=3, SLURM_MEM_PER_CPU=50, and 3 variables that "
                        "describe job 12; "))
      << words;
}

}  // namespace
}  // namespace muster::slurm
