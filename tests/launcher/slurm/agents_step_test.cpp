#include "launcher/slurm/agents_step.h"

#include <gtest/gtest.h>

#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

TEST(AgentsStep, OneTaskANode) {
  const auto command = agents_command({.name = "muster-5eed",
                                       .hosts = {"node0", "node1"},
                                       .agent = {"/opt/muster-runtime", "node", "--plan", "/r/plan.toml"},
                                       .flags = {"--network=sharp"},
                                       .attempt_folder = "/runs/50%/attempt_0"});
  EXPECT_EQ(base::join(command, " "),
            "srun --job-name=muster-5eed --nodes=2 --ntasks=2 --ntasks-per-node=1 --nodelist=node[0-1] --overlap "
            "--cpu-bind=none --mpi=none "
            "--kill-on-bad-exit=1 --wait=0 --export=ALL "
            "--input=none --output=/runs/50%%/attempt_0/node_%n.log --open-mode=append --network=sharp "
            "/opt/muster-runtime node --plan /r/plan.toml");
}

}  // namespace
}  // namespace muster::slurm
