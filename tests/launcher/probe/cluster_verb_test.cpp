#include "launcher/probe/cluster_verb.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "launcher/cluster/cluster.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/launcher/probe/fake_slurm.h"
#include "tests/support/temporary_folder.h"

namespace muster::probe {
namespace {

class ClusterVerb : public testing::Test {
 protected:
  ClusterVerb() { ::setenv("MUSTER_CLUSTERS", (std::string(MUSTER_SOURCE_DIR) + "/clusters").c_str(), 1); }
  int run(std::vector<std::string> words, const std::string& output = "") {
    return run_cluster({.words = std::move(words), .output = output}, slurm_);
  }
  std::string refusal(std::vector<std::string> words, const std::string& output = "") {
    try {
      run(std::move(words), output);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      return error.what();
    }
    return "accepted";
  }
  FakeSlurm slurm_;
  tests::TemporaryFolder folder_;
};

TEST_F(ClusterVerb, WhatWasProbedIsAFileThatTheOtherVerbsTake) {
  const std::string file = folder_.path() / "mine.toml";
  EXPECT_EQ(run({"probe"}, file), 0);
  EXPECT_EQ(cluster::read_cluster(file, "").gpu.bf16_tflops, 2450);
  EXPECT_EQ(run({"show", file}), 0);
  EXPECT_EQ(run({"diff", file}), 0);
  EXPECT_EQ(run({"diff", "gb200-nvl72"}), 1);  // 144 nodes, but this one has 36
  EXPECT_NE(refusal({"probe"}, file).find("the file is there already"), std::string::npos);
}

TEST_F(ClusterVerb, WordsThatItDoesNotKnowAreRefusedWithThoseThatItDoes) {
  for (const auto& words : std::vector<std::vector<std::string>>{{}, {"shwo"}, {"probe", "x"}})
    EXPECT_NE(refusal(words).find("muster cluster show FILE | probe"), std::string::npos);
  EXPECT_NE(refusal({"show"}).find("needs a cluster"), std::string::npos);
  EXPECT_NE(refusal({"diff", "dgx-h10"}).find("did you mean \"dgx-h100\""), std::string::npos);
}

}  // namespace
}  // namespace muster::probe
