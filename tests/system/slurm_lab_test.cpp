// The Slurm lab itself: what the system tests of the launcher stand on.
#include "tests/support/slurm_lab.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <set>
#include <sstream>
#include <thread>

#include "runtime/base/text.h"
#include "tests/support/command.h"

namespace muster::tests {
namespace {

std::string said(const std::vector<std::string>& command) { return base::trim(run_command(command).output); }

/// Repeats `command` until it says `wanted`, ten seconds long; the last that it said.
std::string said_at_last(const std::vector<std::string>& command, const std::string& wanted) {
  std::string line;
  for (int tries = 0; tries < 100 && (line = said(command)) != wanted; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return line;
}

class SlurmLabTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!SlurmLab::available()) GTEST_SKIP() << "Slurm is not installed: tools/setup installs it";
  }
};

TEST_F(SlurmLabTest, FourNodesOfEightStartInTenSecondsAndRunThirtyTwoTasks) {
  const auto start = std::chrono::steady_clock::now();
  const SlurmLab lab;
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 10);
  const CommandResult result = run_command({"srun", "-N4", "--ntasks-per-node=8", "--gpus-per-node=8", "bash", "-c",
                                            "echo $SLURM_PROCID $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES"});
  ASSERT_EQ(result.code, 0) << result.output;
  std::set<int> ranks;
  std::istringstream lines(result.output);
  int rank = 0;
  for (std::string node, devices; lines >> rank >> node >> devices;) {
    ranks.insert(rank);
    EXPECT_EQ(node, base::text("node", rank / 8));
    EXPECT_EQ(devices, "0,1,2,3,4,5,6,7");
  }
  EXPECT_EQ(ranks.size(), 32U) << result.output;
  const CommandResult refused = run_command({"srun", "--immediate=1", "-p", "short", "-N3", "true"});
  EXPECT_NE(refused.code, 0) << "a partition of at most 2 nodes gave 3";
}

TEST_F(SlurmLabTest, AProbedClusterFileIsTakenByTheOtherVerbsAndAgreesWithTheCluster) {
  const SlurmLab lab;
  const std::string muster = std::string(MUSTER_BINARY_DIR) + "/bin/muster";
  const std::string file = (lab.folder() / "probed.toml").string();
  const CommandResult probed = run_command({muster, "cluster", "probe", "--partition", "short", "--output", file});
  ASSERT_EQ(probed.code, 0) << probed.output;
  const std::string text = said({"cat", file});
  for (const char* part : {"device = \"cuda\"", "nodes = 4", "ranks_per_node = 8", "kind = \"h100\"",
                           "{ name = \"short\", nodes = 4, max_nodes = 2, max_time_min = 5 }", "time_limit_min = 5"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(run_command({muster, "cluster", "diff", file}).code, 0);
  const CommandResult shipped = run_command({muster, "cluster", "diff", "dgx-h100"});
  EXPECT_EQ(shipped.code, 1);
  EXPECT_NE(shipped.output.find("nodes                             128                             4"),
            std::string::npos)
      << shipped.output;
  // What the file says of the partition is held against a job, before Slurm is asked.
  const CommandResult plan =
      run_command({muster, "plan", "reverse-digits", "--cluster", file, "--time-limit-min", "9", "--set", "train.dp=24",
                   "--set", "gen.dp=24", "--set", "grpo.prompts_per_step=24"});
  EXPECT_EQ(plan.code, 2);
  EXPECT_NE(plan.output.find("3 nodes, but a job in partition short may have 2"), std::string::npos) << plan.output;
  EXPECT_NE(plan.output.find("--time-limit-min: slurm.time_limit_min = 9, but partition short ends jobs after 5"),
            std::string::npos)
      << plan.output;
}

TEST_F(SlurmLabTest, TwoLabsRunSideBySideAndRestoreTheEnvironment) {
  ::setenv("SLURM_CONF", "/nowhere/slurm.conf", 1);
  ::setenv("SBATCH_PARTITION", "elsewhere", 1);
  {
    const SlurmLab first({.nodes = 1, .gpus_per_node = 0});
    const SlurmLab second({.nodes = 2, .gpus_per_node = 1});
    EXPECT_EQ(std::getenv("SBATCH_PARTITION"), nullptr);
    EXPECT_EQ(said({"sinfo", "-h", "-p", "batch", "-o", "%D %G"}), "2 gpu:h100:1(S:0)");
    EXPECT_EQ(said({"env", "SLURM_CONF=" + first.config().string(), "sinfo", "-h", "-p", "batch", "-o", "%D %G"}),
              "1 (null)");
  }
  EXPECT_STREQ(std::getenv("SLURM_CONF"), "/nowhere/slurm.conf");
  EXPECT_STREQ(std::getenv("SBATCH_PARTITION"), "elsewhere");
  ::unsetenv("SLURM_CONF");
  ::unsetenv("SBATCH_PARTITION");
}

TEST_F(SlurmLabTest, DaemonsEndAndComeBackAndNothingOutlivesTheLab) {
  std::string sleeper;
  {
    SlurmLab lab({.nodes = 2, .gpus_per_node = 1});
    lab.kill_slurmctld();
    EXPECT_NE(said({"scontrol", "ping"}).find("DOWN"), std::string::npos);
    lab.start_slurmctld();
    EXPECT_NE(said({"scontrol", "ping"}).find("UP"), std::string::npos);

    // A task that refuses SIGTERM and leaves its parent is ended with the lab, also when its slurmd is dead.
    const std::string script = "echo $$ > " + (lab.folder() / "sleeper").string() + "; trap '' TERM; exec sleep 600";
    const std::string job = said({"sbatch", "--parsable", "-w", "node1", "-o", "/dev/null", "--wrap",
                                  "setsid bash -c " + base::shell_quoted(script) + " & wait"});
    EXPECT_EQ(said_at_last({"bash", "-c",
                            "squeue -h -o %T -j " + job + "; ls " + (lab.folder() / "sleeper").string() + " | wc -l"},
                           "RUNNING\n1"),
              "RUNNING\n1");
    sleeper = said({"cat", (lab.folder() / "sleeper").string()});
    ASSERT_FALSE(sleeper.empty());
    lab.kill_slurmd(1);
    EXPECT_EQ(::kill(std::stoi(sleeper), 0), 0);
    lab.start_slurmd(1);
    EXPECT_EQ(said_at_last({"squeue", "-h", "-o", "%T", "-j", job}, "RUNNING"), "RUNNING");
    lab.kill_slurmd(1);
  }
  const std::string state =
      said({"bash", "-c", "sed 's/.*) //; s/ .*//' /proc/" + sleeper + "/stat 2>/dev/null || echo gone"});
  EXPECT_TRUE(state == "gone" || state == "Z" || state.empty()) << state;
}

}  // namespace
}  // namespace muster::tests
