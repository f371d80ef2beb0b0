#include "launcher/plan/links.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "launcher/plan/plan.h"
#include "runtime/base/text.h"
#include "tests/support/temporary_folder.h"

namespace muster::plan {
namespace {

class LinksTest : public testing::Test {
 protected:
  LinksTest() {
    const std::string root = MUSTER_SOURCE_DIR;
    ::setenv("MUSTER_TEMPLATES", (root + "/templates").c_str(), 1);
    ::setenv("MUSTER_CLUSTERS", (root + "/clusters").c_str(), 1);
  }
  Planned make(const std::string& text, const std::string& cluster) {
    const auto file = folder_.path() / "job.toml";
    std::ofstream(file) << "[model]\nname = \"llama-3.1-8b\"\n[data]\npath = \"builtin:sums\"\n[grpo]\n"
                           "prompts_per_step = 64\n[packing]\nenabled = true\n"
                        << text;
    return make_plan({.job = file.string(), .overrides = overrides_, .cluster = cluster});
  }
  std::string refusal(const std::string& text, const std::string& cluster) {
    try {
      make(text, cluster);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }
  tests::TemporaryFolder folder_;
  std::vector<std::string> overrides_;
};

std::string summary(const spec::Plan& plan) {
  std::string all;
  for (const AxisLinks& links : axis_links(plan))
    all += base::text(links.role, ".", spec::axis_name(links.axis), " ", links.groups[0], "/", links.groups[1], "/",
                      links.groups[2], "/", links.groups[3], "\n");
  return all;
}

TEST_F(LinksTest, TensorGroupsStayInTheNodeAndDataNeighboursOnOneRail) {
  const Planned planned = make("[train]\ntp = 8\ndp = 4\n[gen]\ntp = 4\ndp = 8\n", "dgx-h100");
  EXPECT_EQ(summary(planned.plan), "train.tp 4/0/0/0\ntrain.dp 0/0/8/0\ngen.tp 8/0/0/0\ngen.dp 0/0/4/0\n");
  EXPECT_EQ(links_page(planned.plan, planned.cluster),
            "\nlinks      axis  degree  groups  cross                     a GPU and direction\n"
            "  train    tp         8       4  NVLink in the node        450 GB/s\n"
            "  train    dp         4       8  network, one rail         50 GB/s\n"
            "  gen      tp         4       8  NVLink in the node        450 GB/s\n"
            "  gen      dp         8       4  network, one rail         50 GB/s\n");
  EXPECT_EQ(base::join(planned.plan.warnings, "").find("reach over"), std::string::npos);
}

TEST_F(LinksTest, ATensorGroupThatLeavesTheNodeIsAWarningWithThePrice) {
  const Planned planned = make("[train]\ntp = 8\ndp = 2\n[gen]\ntp = 16\n", "gb200-nvl72");
  const std::string warnings = base::join(planned.plan.warnings, "\n");
  EXPECT_EQ(planned.plan.segment_nodes, 4);  // the 16 GPUs of the generator's group
  EXPECT_EQ(summary(planned.plan), "train.tp 0/2/0/0\ntrain.dp 0/8/0/0\ngen.tp 0/1/0/0\n");
  EXPECT_EQ(warnings.find("reach over"), std::string::npos) << warnings;
  const Planned far = make("[train]\ntp = 8\ndp = 2\n[gen]\ntp = 16\n", "dgx-h100");
  EXPECT_NE(base::join(far.plan.warnings, "\n")
                .find("gen.tp = 16 with 8 ranks a node: 1 of 1 groups reach over 2 nodes by the network, 50 GB/s a GPU "
                      "and direction instead of 450 GB/s by NVLink"),
            std::string::npos)
      << base::join(far.plan.warnings, "\n");
}

TEST_F(LinksTest, TheSmallestSegmentThatHoldsEveryGroupIsAskedFor) {
  EXPECT_EQ(make("[train]\ntp = 4\ndp = 8\n[gen]\ntp = 4\ndp = 8\n", "gb200-nvl72").plan.segment_nodes, 0);
  EXPECT_EQ(make("[train]\ntp = 8\ndp = 4\n[gen]\ntp = 4\ndp = 8\n", "gb200-nvl72").plan.segment_nodes, 2);
  // 8 training nodes with groups of 2, then 4 of the generator with groups of 4.
  const std::string split = "[placement]\nmode = \"split\"\n";
  EXPECT_EQ(make(split + "[train]\ntp = 8\ndp = 4\n[gen]\ntp = 16\n", "gb200-nvl72").plan.segment_nodes, 4);
  // 3 nodes of the generator: no segment of 2 or more divides 4 + 3.
  const Planned odd = make(split + "[train]\ntp = 8\ndp = 2\n[gen]\ntp = 4\ndp = 3\n", "gb200-nvl72");
  EXPECT_EQ(odd.plan.segment_nodes, 0);
  EXPECT_NE(
      base::join(odd.plan.warnings, "\n").find("no segment holds the groups that reach over 2 nodes: with 7 nodes"),
      std::string::npos)
      << base::join(odd.plan.warnings, "\n");
}

TEST_F(LinksTest, ASegmentThatIsNotLegalIsRefusedWithTheLegalOnes) {
  const std::string text =
      refusal("[placement]\nsegment_nodes = 3\n[train]\ntp = 8\ndp = 4\n[gen]\ntp = 4\ndp = 8\n", "gb200-nvl72");
  EXPECT_NE(text.find("job.toml:10:1: placement.segment_nodes = 3: it does not divide the 8 nodes of the job; it does "
                      "not divide the 8 training nodes"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("legal with 8 nodes: 1, 2, 4, 8; or leave it out"), std::string::npos) << text;
  const Planned planned = make("[placement]\nsegment_nodes = 8\n[train]\ntp = 8\n[gen]\ntp = 8\n", "dgx-h100");
  EXPECT_NE(base::join(planned.plan.warnings, "\n").find("has no effect: on cluster dgx-h100"), std::string::npos);
}

TEST_F(LinksTest, ASegmentOfAWholeDomainLeavesNoNodeToSpare) {
  overrides_ = {"grpo.samples_per_prompt=18", "placement.segment_nodes=18"};
  const Planned planned = make("[train]\ntp = 4\ndp = 18\n[gen]\ntp = 4\ndp = 18\n", "gb200-nvl72");
  EXPECT_EQ(planned.plan.segment_nodes, 18);
  EXPECT_NE(base::join(planned.plan.warnings, "\n").find("takes whole NVLink domains"), std::string::npos);
}

TEST_F(LinksTest, FaultsOfTheJobAndOfTheClusterComeInOneMessage) {
  const std::string text =
      refusal("[placement]\nranks_per_node = 9\n[train]\ntp = 3\ndp = 2\n[gen]\ntp = 3\ndp = 2\n", "dgx-h100");
  EXPECT_NE(text.find("does not divide 32 query heads"), std::string::npos) << text;
  EXPECT_NE(text.find("a node of cluster dgx-h100 has 8"), std::string::npos) << text;
  const std::string cluster = refusal(
      "[placement]\nranks_per_node = 9\nsegment_nodes = 3\nmode = \"split\"\ngen_nodes = 99\n[train]\ntp = 8\ndp = 64\n"
      "[gen]\ntp = 4\ndp = 8\n",
      "gb200-nvl72");
  for (const char* part : {"a node of cluster gb200-nvl72 has 4", "placement.gen_nodes = 99", "segment_nodes = 3"})
    EXPECT_NE(cluster.find(part), std::string::npos) << part << "\n" << cluster;
}

}  // namespace
}  // namespace muster::plan
