#include "runtime/base/hardware.h"

#include <gtest/gtest.h>

#include "runtime/base/cpu_list.h"
#include "runtime/base/files.h"
#include "tests/support/sysfs_tree.h"
#include "tests/support/temporary_folder.h"

namespace muster::base {
namespace {

/// The folder of a tree that all tests share.
const std::filesystem::path& tree(const std::string& name) {
  const auto recording = [](const std::string& file) {
    return read_file(std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/golden/sysfs" / file);
  };
  static const tests::SysfsTree dgx(recording("dgx-h100.txt"));
  static const tests::SysfsTree tray(recording("gb200.txt"));
  return name == "gb200" ? tray.path() : dgx.path();
}

TEST(Hardware, ADgxHasTwoMemoryNodesWithTwoThreadsACore) {
  const auto nodes = memory_nodes(tree("dgx-h100"));
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(cpu_list_text(nodes[1].cpus), "56-111,168-223");
  EXPECT_EQ(nodes[1].socket, 1);
  ASSERT_EQ(nodes[1].threads.size(), 2U);
  EXPECT_EQ(cpu_list_text(nodes[1].threads[1]), "168-223");
}

TEST(Hardware, GpusComeInTheOrderOfTheBusAndAdaptersByNumber) {
  const auto& root = tree("dgx-h100");
  const auto devices = gpus(root);
  ASSERT_EQ(devices.size(), 8U);
  EXPECT_EQ(devices[4].address, "0000:9a:00.0");
  EXPECT_EQ(devices[4].memory_node, 1);
  const auto adapters = network_adapters(root);
  ASSERT_EQ(adapters.size(), 12U);
  EXPECT_EQ(adapters[10].name, "mlx5_10");
  EXPECT_EQ(adapters[10].link_layer, "InfiniBand");
  EXPECT_TRUE(adapters[10].is_active);
  EXPECT_EQ(adapters[10].gbit_per_s, 400);
  EXPECT_EQ(adapters[1].link_layer, "Ethernet");
  EXPECT_GT(shared_bridges(devices[0], adapters[0].device), shared_bridges(devices[1], adapters[0].device));
}

TEST(Hardware, TheMemoryOfAGpuIsNoPlaceForARank) {
  const auto nodes = memory_nodes(tree("gb200"));
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes[0].threads.size(), 1U);
  EXPECT_EQ(gpus(tree("gb200")).size(), 4U);
}

TEST(Hardware, ThisMachineHasAMemoryNodeAndAnEmptyTreeHasNone) {
  EXPECT_GE(memory_nodes().size(), 1U);
  const tests::TemporaryFolder folder;
  EXPECT_TRUE(memory_nodes(folder.path()).empty());
  EXPECT_TRUE(gpus(folder.path()).empty());
  EXPECT_TRUE(network_adapters(folder.path()).empty());
}

}  // namespace
}  // namespace muster::base
