#include "runtime/node/node_check.h"

#include <gtest/gtest.h>

#include <numeric>

#include "runtime/base/files.h"
#include "tests/support/sysfs_tree.h"

namespace muster::node {
namespace {

const std::filesystem::path& tree() {
  static const tests::SysfsTree dgx(
      base::read_file(std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/golden/sysfs/dgx-h100.txt"));
  return dgx.path();
}

class NodeCheck : public testing::Test {
 protected:
  NodeCheck() {
    std::iota(all_.begin(), all_.end(), 0);
    plan_.ranks = {{.rank = 0, .cpus = {0, 1, 112, 113}, .memory_node = 0, .adapter = "mlx5_0"},
                   {.rank = 1, .local_rank = 1, .cpus = {56, 168}, .memory_node = 1, .adapter = "mlx5_6"},
                   {.rank = 2, .node_slot = 1, .cpus = {500}, .memory_node = 7, .adapter = "none"}};
  }
  std::string said(const std::vector<int>& allowed, bool may_prefer_memory = true) {
    return node_differences(plan_, 0, allowed, may_prefer_memory, tree());
  }
  std::vector<int> all_ = std::vector<int>(224);
  spec::Plan plan_;
};

TEST_F(NodeCheck, ANodeThatIsAsPlannedIsNotSpokenOf) { EXPECT_EQ(said(all_), ""); }

TEST_F(NodeCheck, EachDifferenceNamesBothSidesInOneLine) {
  plan_.ranks[0].memory_node = 1;
  plan_.ranks[1].adapter = "mlx5_99";
  const std::string line = said({1, 113});
  EXPECT_EQ(
      line.substr(0, line.find(", but the node has")),
      "the node is not as planned: rank 0: CPUs 0-1,112-113, but it may use 1,113; rank 0: memory node 1, but its "
      "CPUs lie on 0; rank 0: adapter mlx5_0 on memory node 1, but it lies on 0; rank 1: CPUs 56,168, but it may "
      "use none of them and is not bound; rank 1: adapter mlx5_99");
  EXPECT_NE(line.find("mlx5_10"), std::string::npos);
}

TEST_F(NodeCheck, SaysWhenMemoryCannotBeChosen) {
  EXPECT_EQ(
      said(all_, false),
      "the node is not as planned: memory nodes cannot be chosen here (set_mempolicy is refused): ranks are bound "
      "to cores only");
}

TEST_F(NodeCheck, APlanThatBindsNothingAsksForNothing) {
  plan_.ranks = {{.rank = 0}};
  EXPECT_EQ(said({}, false), "");
}

}  // namespace
}  // namespace muster::node
