#include "launcher/slurm/agents_step.h"

#include <gtest/gtest.h>

#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

TEST(AgentsStep, OneTaskANode) {
  const auto command = agents_command({.hosts = {"node0", "node1"},
                                       .agent = {"/opt/muster-runtime", "node", "--plan", "/r/plan.toml"},
                                       .flags = {"--network=sharp"},
                                       .attempt_folder = "/runs/50%/attempt_0"});
  EXPECT_EQ(base::join(command, " "),
            "srun --nodes=2 --ntasks=2 --ntasks-per-node=1 --nodelist=node[0-1] --overlap --cpu-bind=none --mpi=none "
            "--kill-on-bad-exit=1 --wait=0 --export=ALL "
            "--input=none --output=/runs/50%%/attempt_0/node_%n.log --open-mode=append --network=sharp "
            "/opt/muster-runtime node --plan /r/plan.toml");
}

TEST(AgentsStep, WhatAnEnclosingStepLeftDoesNotChangeOurs) {
  const std::vector<std::string> kept =
      step_environment({"PATH=/bin", "SLURM_JOB_ID=7", "SLURM_DISTRIBUTION=arbitrary", "SLURM_HOSTFILE=/h",
                        "SLURM_NTASKS=64", "SLURM_EXPORT_ENV=NONE"});
  EXPECT_EQ(kept, (std::vector<std::string>{"PATH=/bin", "SLURM_JOB_ID=7"}));
}

}  // namespace
}  // namespace muster::slurm
