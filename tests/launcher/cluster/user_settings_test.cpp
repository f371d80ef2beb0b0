#include "launcher/cluster/user_settings.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace muster::cluster {
namespace {

/// A personal file in a folder of its own, named by XDG_CONFIG_HOME while the test runs.
class UserSettingsTest : public testing::Test {
 protected:
  UserSettingsTest() { ::setenv("XDG_CONFIG_HOME", folder_.path().c_str(), 1); }
  ~UserSettingsTest() override { ::setenv("XDG_CONFIG_HOME", "/nonexistent", 1); }
  void write(const std::string& text) { std::ofstream(folder_.path() / "muster.toml") << text; }
  Cluster cluster_with(const UserSettings& flags = {}) {
    Cluster cluster = parse_cluster(
        "[slurm]\npartition = \"batch\"\naccount = \"site\"\nsbatch_flags = [\"--mem=0\"]\n", "c.toml", "c");
    apply_user_settings(flags, cluster);
    return cluster;
  }
  std::string refusal(const std::string& text) {
    write(text);
    try {
      cluster_with();
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }
  tests::TemporaryFolder folder_;
};

TEST_F(UserSettingsTest, FlagsWinOverThePersonalFileAndThatOverTheClusterFile) {
  write(
      "account = \"team\"\ntime_limit_min = 30\nsbatch_flags = [\"--nice=1\"]\nexclude = \"n7\"\n"
      "[clusters.c]\naccount = \"team-c\"\nsbatch_flags = [\"--mail-type=END\"]\n[clusters.d]\npartition = \"x\"\n");
  UserSettings flags;
  flags.time_limit_min = 5;
  flags.sbatch_flags = {"--hold"};
  flags.places.keys = {{"time_limit_min", "--time-limit-min"}, {"sbatch_flags", "--sbatch-flag"}};
  const Cluster cluster = cluster_with(flags);
  const std::string file = personal_file().string();
  EXPECT_EQ(cluster.slurm.partition, "batch");
  EXPECT_EQ(cluster.places.of("slurm.partition"), "c.toml:2:1");
  EXPECT_EQ(cluster.slurm.account, "team-c");
  EXPECT_EQ(cluster.places.of("slurm.account"), file + ":6:1");
  EXPECT_EQ(cluster.slurm.exclude, "n7");
  EXPECT_EQ(cluster.slurm.time_limit_min, 5);
  EXPECT_EQ(cluster.places.of("slurm.time_limit_min"), "--time-limit-min");
  EXPECT_EQ(cluster.slurm.sbatch_flags, (std::vector<std::string>{"--mem=0", "--nice=1", "--mail-type=END", "--hold"}));
  EXPECT_EQ(cluster.places.of("slurm.sbatch_flags"), "c.toml:4:1 + " + file + ":7:1 + --sbatch-flag");
}

TEST_F(UserSettingsTest, WithoutAFileTheClusterFileStands) {
  const Cluster cluster = cluster_with();
  EXPECT_EQ(cluster.slurm.account, "site");
  EXPECT_EQ(personal_file(), folder_.path() / "muster.toml");
}

TEST_F(UserSettingsTest, EveryFaultOfThePersonalFileComesAtOnceWithItsPlace) {
  const std::string text =
      refusal("acount = \"team\"\ntime_limit_min = 0\nrun_root = \"runs\"\n[clusters.other]\nqoz = \"high\"\n");
  for (const char* part :
       {"muster.toml:1:1: unknown key 'acount'", "did you mean", "muster.toml:2:1", "must be between 1 and",
        "muster.toml:3:1: run_root = \"runs\" depends on where it is read", "muster.toml:5:1: unknown key 'qoz'"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_NE(refusal("account = ").find("muster.toml:1"), std::string::npos);
}

TEST_F(UserSettingsTest, TheRunRootMayBeginWithTheHomeFolder) {
  ::setenv("HOME", "/home/u", 1);
  write("run_root = \"~/runs\"\n");
  EXPECT_EQ(cluster_with().run_root, "/home/u/runs");
}

TEST_F(UserSettingsTest, AFlagOfSlurmsOnAClusterWithoutSlurmIsRefused) {
  Cluster cluster = parse_cluster("nodes = 2\n", "local.toml", "local");
  UserSettings flags;
  flags.account = "team";
  flags.places.keys["account"] = "--account";
  try {
    apply_user_settings(flags, cluster);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("--account has no effect: the file of cluster local"), std::string::npos);
  }
}

}  // namespace
}  // namespace muster::cluster
