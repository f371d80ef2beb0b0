#include "launcher/plan/slurm_request.h"

#include <gtest/gtest.h>

#include "runtime/base/text.h"

namespace muster::plan {
namespace {

struct Asked {
  std::string faults;
  std::vector<std::string> warnings;
};

// Two nodes of four GPUs for 30 minutes, checkpoints and no requeue.
Asked ask(const std::vector<std::string>& flags,
          const std::function<void(spec::Plan&, cluster::Cluster&)>& change = {}) {
  spec::Plan plan;
  plan.num_nodes = 2;
  plan.ranks_per_node = 4;
  plan.device = "cuda";
  plan.job.checkpoint.every = 5;
  plan.job.requeue.margin_s = 120;
  cluster::Cluster cluster{.name = "c", .has_slurm = true};
  cluster.slurm.time_limit_min = 30;
  cluster.slurm.gpu_request = cluster::GpuRequest::gres;
  cluster.slurm.sbatch_flags = flags;
  cluster.places.keys = {{"slurm.sbatch_flags", "--sbatch-flag"}};
  if (change) change(plan, cluster);
  base::Faults faults;
  Asked asked;
  check_request(plan, cluster, {.file = "job.toml"}, faults, asked.warnings);
  for (const base::Fault& fault : faults.list()) asked.faults += fault.where + ": " + fault.what + "\n";
  return asked;
}

TEST(SlurmRequest, FlagsThatSayWhatThePlanSaysAndThoseItLeavesOpenAreLegal) {
  EXPECT_EQ(ask({"--mem=0", "--nice=100", "--nodes=2", "-N 2", "-t30", "--time=0:30:00", "--gres=gpu:h100:4,nvme:1",
                 "--gpus-per-node=8", "--exclusive", "--no-requeue", "--signal=B:USR2@120", "--mail-type END",
                 "--qos=x", "--job-name=site-name", "--dependency=afterok:7", "--no-kill"})
                .faults,
            "");
}

TEST(SlurmRequest, AFlagThatContradictsThePlanIsRefusedWithBothValues) {
  EXPECT_EQ(ask({"--nodes=1", "-t 90"}).faults,
            "--sbatch-flag: the flag --nodes=1 of sbatch contradicts the plan, which has --nodes=2\n"
            "--sbatch-flag: the flag -t 90 of sbatch contradicts the plan, which has --time=30\n");
  for (const char* flag : {"-N1",
                           "--nodes 4",
                           "--node=1",
                           "--ntasks=8",
                           "-n8",
                           "--ntasks-per-node=4",
                           "--array=0-3",
                           "-a 1,2",
                           "--time=1-0",
                           "--time=soon",
                           "--exclusive=user",
                           "--oversubscribe",
                           "-s",
                           "--gpus-per-node=2",
                           "--gpus=4",
                           "-G 4",
                           "--gres=nvme:1",
                           "--gres=gpu:2",
                           "--partition=short",
                           "-pshort",
                           "--part=short",
                           "--requeue",
                           "--signal=TERM@30",
                           "--segment=2",
                           "--output=/tmp/x",
                           "--wrap=true",
                           "--test-only",
                           "--wait",
                           "-W",
                           "--quiet",
                           "--clusters=other"})
    EXPECT_NE(ask({flag}).faults, "") << flag;
  const auto with_account = [](spec::Plan&, cluster::Cluster& cluster) { cluster.slurm.account = "mine"; };
  EXPECT_EQ(ask({"--account=mine"}, with_account).faults, "");
  EXPECT_NE(ask({"--account=yours"}, with_account).faults, "");
  const auto shared = [](spec::Plan& plan, cluster::Cluster& cluster) {
    cluster.slurm.exclusive = false;
    plan.job.threads = 2;
  };
  EXPECT_EQ(ask({"-c16"}, shared).faults, "") << "more CPUs than the ranks need are the person's affair";
  EXPECT_EQ(ask({"-c4"}, shared).faults,
            "--sbatch-flag: the flag -c4 of sbatch contradicts the plan, which has --cpus-per-task=8\n");
}

TEST(SlurmRequest, AMarginAsLongAsTheJobIsRefusedWithTheFigures) {
  const auto minutes = [](std::int64_t limit, std::int64_t every) {
    return [=](spec::Plan& plan, cluster::Cluster& cluster) {
      cluster.slurm.time_limit_min = limit;
      plan.job.checkpoint.every = every;
    };
  };
  EXPECT_EQ(
      ask({}, minutes(2, 5)).faults,
      "job.toml: requeue.margin_s = 120, but the job has 120 s (2 min): each attempt would be warned at its start, "
      "write a checkpoint and leave\n");
  EXPECT_EQ(ask({}, minutes(3, 5)).faults, "");
  EXPECT_EQ(ask({}, minutes(3, 5)).warnings.size(), 1U);
  EXPECT_TRUE(ask({}, minutes(4, 5)).warnings.empty());
  EXPECT_EQ(ask({}, minutes(1, 0)).faults, "") << "without checkpoints Slurm is asked for no warning";
}

}  // namespace
}  // namespace muster::plan
