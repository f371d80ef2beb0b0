#include "launcher/probe/node_probe.h"

#include <gtest/gtest.h>

#include "launcher/cluster/cluster.h"
#include "runtime/base/files.h"
#include "tests/support/sysfs_tree.h"

namespace muster::probe {
namespace {

const std::filesystem::path kSource = MUSTER_SOURCE_DIR;

NodeProbe probe_of(const std::string& tree) {
  const tests::SysfsTree sysfs(base::read_file(kSource / "tests/golden/sysfs" / (tree + ".txt")));
  return probe_node(sysfs.path());
}

TEST(NodeProbe, ADgxAndATrayAreAsTheirShippedFilesSay) {
  const NodeProbe dgx = probe_of("dgx-h100");
  EXPECT_EQ(dgx.numa, cluster::read_cluster("dgx-h100", kSource / "clusters").numa);
  EXPECT_EQ(dgx.adapter_gbit_per_s, 400);
  EXPECT_TRUE(dgx.has_infiniband);
  EXPECT_EQ(probe_of("gb200").numa, cluster::read_cluster("gb200-nvl72", kSource / "clusters").numa);
}

TEST(NodeProbe, ThisMachineHasCoresAndPerhapsNoGpus) {
  const NodeProbe here = probe_node();
  ASSERT_GE(here.numa.size(), 1U);
  EXPECT_FALSE(here.numa[0].cpus.empty());
}

}  // namespace
}  // namespace muster::probe
