#include "runtime/spec/rank_env.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "runtime/base/error.h"

namespace muster::spec {
namespace {

void set(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    const std::size_t equals = line.find('=');
    ::setenv(line.substr(0, equals).c_str(), line.substr(equals + 1).c_str(), 1);
  }
}

TEST(RankEnv, LinesAndBackAreTheSame) {
  const RankEnv given{
      .rank = 511, .plan = "/runs/a b/plan.toml", .placement = "/p.toml", .beat_fd = 5, .reward_fds = {7, 9}};
  set(rank_env_lines(given));
  const RankEnv back = parse_rank_env();
  EXPECT_EQ(back.rank, given.rank);
  EXPECT_EQ(back.plan, given.plan);
  EXPECT_EQ(back.placement, given.placement);
  EXPECT_EQ(back.beat_fd, 5);
  EXPECT_EQ(back.reward_fds, (std::vector<int>{7, 9}));
  set(rank_env_lines({.rank = 0, .plan = "p", .placement = "q"}));
  EXPECT_EQ(parse_rank_env().beat_fd, -1);
  EXPECT_TRUE(parse_rank_env().reward_fds.empty());
}

TEST(RankEnv, NamesTheVariableThatIsMissingOrBroken) {
  set(rank_env_lines({.rank = 0, .plan = "p", .placement = "q"}));
  ::setenv("MUSTER_RANK", "three", 1);
  EXPECT_THROW(
      try { parse_rank_env(); } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("MUSTER_RANK"), std::string::npos);
        throw;
      },
      Error);
  ::unsetenv("MUSTER_RANK");
  EXPECT_THROW(parse_rank_env(), Error);
}

TEST(SlurmEnv, IsThereInsideAJobOnly) {
  ::unsetenv("SLURM_JOB_ID");
  EXPECT_FALSE(parse_slurm_env());
  ::setenv("SLURM_JOB_ID", "12_3", 1);
  ::setenv("SLURM_JOB_NODELIST", "n[1-4]", 1);
  ::setenv("SLURM_RESTART_COUNT", "2", 1);
  const auto env = parse_slurm_env();
  ASSERT_TRUE(env);
  EXPECT_EQ(env->job_id, "12_3");
  EXPECT_EQ(env->node_list, "n[1-4]");
  EXPECT_EQ(env->restart_count, 2);
}

}  // namespace
}  // namespace muster::spec
