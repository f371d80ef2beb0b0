#include "runtime/node/rank_start.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace muster::node {
namespace {

spec::Plan split_plan() {
  spec::Plan plan;
  plan.generate = {.tp = 2};
  plan.train = {.dp = 1};
  plan.ranks = {{.rank = 0, .role = spec::Role::train, .train_rank = 0},
                {.rank = 1, .role = spec::Role::generate, .gen_rank = 0},
                {.rank = 2, .role = spec::Role::generate, .gen_rank = 1}};
  plan.environment = {{"OMP_NUM_THREADS", "1", "default"}, {"HOME", "/plan", "job"}, {"ODD", "a,b 'c'\n\"d\"", "job"}};
  plan.ranks[1].environment = {{"OMP_NUM_THREADS", "4", "plan"}};
  return plan;
}

bool has(const std::vector<std::string>& lines, const std::string& line) {
  return std::count(lines.begin(), lines.end(), line) == 1;
}

TEST(RankStart, TheFirstOfEachTensorGroupThatGeneratesScores) {
  const spec::Plan plan = split_plan();
  EXPECT_FALSE(scores(plan, plan.ranks[0]));
  EXPECT_TRUE(scores(plan, plan.ranks[1]));
  EXPECT_FALSE(scores(plan, plan.ranks[2]));
}

TEST(RankStart, TheEnvironmentIsAnExplicitListInWhichTheLastWordCounts) {
  ::setenv("STALE_NAME_OF_THE_SHELL", "1", 1);
  const spec::Plan plan = split_plan();
  const auto lines = rank_environment(plan, plan.ranks[1], {.rank = 1, .plan = "/p", .placement = "/q", .beat_fd = 5});
  EXPECT_TRUE(has(lines, "OMP_NUM_THREADS=4"));
  EXPECT_TRUE(has(lines, "HOME=/plan"));
  EXPECT_TRUE(has(lines, "ODD=a,b 'c'\n\"d\""));
  EXPECT_TRUE(has(lines, "MUSTER_RANK=1"));
  EXPECT_TRUE(std::none_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.starts_with("STALE_NAME") || line.starts_with("SLURM_");
  }));
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const std::string& line) { return line.starts_with("OMP_NUM_THREADS="); }),
            1);
}

TEST(RankStart, OnlyWorkersGetTheVariablesOfRewardPrograms) {
  ::setenv("JUDGE_KEY", "secret", 1);
  spec::Plan plan = split_plan();
  plan.job.reward.environment = {"JUDGE_KEY", "NOT_SET_ANYWHERE"};
  const auto lines = worker_child(plan, plan.ranks[1], 9, "/opt/bin", 3).environment.value();
  EXPECT_TRUE(has(lines, "JUDGE_KEY=secret"));
  EXPECT_TRUE(std::none_of(lines.begin(), lines.end(),
                           [](const std::string& line) { return line.starts_with("NOT_SET_ANYWHERE"); }));
  EXPECT_FALSE(has(rank_environment(plan, plan.ranks[1], {.rank = 1}), "JUDGE_KEY=secret"));
}

TEST(RankStart, TheWrapperStandsBeforeTheRank) {
  spec::Plan plan = split_plan();
  plan.job.rank_wrapper = {"perf", "record", "--"};
  const auto child = rank_child(plan, plan.ranks[0], {.beat_fd = 7, .reward_fds = {8, 9}}, "/opt/bin", 3);
  EXPECT_EQ(child.command, (std::vector<std::string>{"perf", "record", "--", "/opt/bin/muster-rank"}));
  EXPECT_EQ(child.inherit, (std::vector<int>{8, 9, 7}));
  EXPECT_TRUE(child.dies_with_parent);
}

TEST(RankStart, OnlyCpusThatMayBeUsedAreBound) {
  EXPECT_EQ(usable_cpus({4, 5, 6}, {0, 5, 6}), (std::vector<int>{5, 6}));
  EXPECT_TRUE(usable_cpus({4}, {0, 1}).empty());
  EXPECT_FALSE(allowed_cpus().empty());
}

TEST(RankStart, AValueWhoseNameSpeaksOfASecretIsNotShown) {
  EXPECT_EQ(masked("HF_TOKEN=hf_abc"), "HF_TOKEN=(not shown)");
  EXPECT_EQ(masked("wandb_api_key=1=2"), "wandb_api_key=(not shown)");
  EXPECT_EQ(masked("DB_PASSWORD=x"), "DB_PASSWORD=(not shown)");
  EXPECT_EQ(masked("AWS_SECRET_ACCESS=x"), "AWS_SECRET_ACCESS=(not shown)");
  EXPECT_EQ(masked("GOOGLE_CREDENTIALS=x"), "GOOGLE_CREDENTIALS=(not shown)");
  EXPECT_EQ(masked("NCCL_DEBUG=the TOKEN of it"), "NCCL_DEBUG=the TOKEN of it");
}

}  // namespace
}  // namespace muster::node
