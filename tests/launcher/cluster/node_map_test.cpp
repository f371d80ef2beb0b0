#include "launcher/cluster/node_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "launcher/cluster/cluster.h"
#include "runtime/base/cpu_list.h"

namespace muster::cluster {
namespace {

const std::filesystem::path kClusters = std::filesystem::path(MUSTER_SOURCE_DIR) / "clusters";

/// The maps of the boxes that are not shipped: two memory nodes a socket, and threads of one core beside each other.
const std::vector<NumaNode> kFourNodes{{.node = 0, .cpus = {"0-13", "56-69"}, .gpus = {0, 1}, .adapters = {"a"}},
                                       {.node = 1, .cpus = {"14-27", "70-83"}, .gpus = {2, 3}, .adapters = {"b", "c"}},
                                       {.node = 2, .socket = 1, .cpus = {"28-41", "84-97"}, .gpus = {6, 7}},
                                       {.node = 3, .socket = 1, .cpus = {"42-55", "98-111"}, .gpus = {4, 5}}};

std::string faults_of(const std::vector<NumaNode>& map, std::int64_t ranks, bool has_gpus = true) {
  base::Faults faults;
  check_map(map, ranks, has_gpus, "c.toml:1:1", faults);
  std::string all;
  for (const base::Fault& fault : faults.list()) all += fault.what + "\n";
  return all;
}

TEST(NodeMap, EveryCoreOfAShippedNodeBelongsToOneRankOfItsMemoryNode) {
  for (const char* name : {"dgx-h100", "dgx-h200", "dgx-b200", "gb200-nvl72"}) {
    const Cluster cluster = read_cluster(name, kClusters);
    const auto places = affinities(cluster.numa, cluster.ranks_per_node, true);
    ASSERT_EQ(std::ssize(places), cluster.ranks_per_node);
    std::vector<int> all;
    for (const Affinity& place : places) all.insert(all.end(), place.cpus.begin(), place.cpus.end());
    std::sort(all.begin(), all.end());
    EXPECT_EQ(base::cpu_list_text(all), cluster.ranks_per_node == 8 ? "0-223" : "0-143") << name;
    EXPECT_EQ(adapters_of(cluster.numa).size(), static_cast<std::size_t>(cluster.ranks_per_node)) << name;
  }
}

TEST(NodeMap, ARankGetsWholeCoresAndTheAdapterOfItsGpu) {
  const auto dgx = affinities(read_cluster("dgx-h100", kClusters).numa, 8, true);
  EXPECT_EQ(base::cpu_list_text(dgx[0].cpus), "0-13,112-125");
  EXPECT_EQ(base::cpu_list_text(dgx[7].cpus), "98-111,210-223");
  EXPECT_EQ(dgx[7].memory_node, 1);
  EXPECT_EQ(dgx[4].adapter, "mlx5_6");
  const auto tray = affinities(read_cluster("gb200-nvl72", kClusters).numa, 4, true);
  EXPECT_EQ(base::cpu_list_text(tray[1].cpus), "36-71");
  EXPECT_EQ(tray[3].adapter, "mlx5_5");
}

TEST(NodeMap, TheOrderOfGpusNeedNotBeThatOfMemoryNodes) {
  const auto places = affinities(kFourNodes, 8, true);
  EXPECT_EQ(places[4].memory_node, 3);
  EXPECT_EQ(places[6].memory_node, 2);
  EXPECT_EQ(base::cpu_list_text(places[5].cpus), "49-55,105-111");
  EXPECT_EQ(places[0].adapter, "a");
  EXPECT_EQ(places[1].adapter, "a");  // shared
  EXPECT_EQ(places[3].adapter, "c");
  EXPECT_EQ(places[7].adapter, "");
}

TEST(NodeMap, FewerRanksShareAllTheCoresOfTheirMemoryNodes) {
  const auto places = affinities(kFourNodes, 3, true);
  EXPECT_EQ(base::cpu_list_text(places[0].cpus), "0-6,56-62");
  EXPECT_EQ(base::cpu_list_text(places[2].cpus), "14-27,70-83");  // alone there
}

TEST(NodeMap, WithoutGpusRanksAreDealtInBlocks) {
  const std::vector<NumaNode> map{{.node = 0, .cpus = {"0-6:2", "1-7:2"}}, {.node = 1, .cpus = {"8-14:2", "9-15:2"}}};
  EXPECT_EQ(faults_of(map, 4, false), "");
  const auto places = affinities(map, 4, false);
  EXPECT_EQ(base::cpu_list_text(places[0].cpus), "0,2,1,3");
  EXPECT_EQ(places[3].memory_node, 1);
  EXPECT_TRUE(affinities({}, 4, false).empty());
}

TEST(NodeMap, SaysWhatDoesNotHoldTogether) {
  EXPECT_EQ(faults_of(kFourNodes, 8), "");
  EXPECT_EQ(faults_of(kFourNodes, 6),
            "the map does not fit 6 GPUs a node: GPU 6 does not exist, GPU 7 does not exist\n");
  EXPECT_EQ(faults_of({{.cpus = {"0-3"}, .gpus = {0, 0}}}, 2),
            "the map does not fit 2 GPUs a node: GPU 0 is there twice, GPU 1 is missing\n");
  EXPECT_EQ(faults_of({{.cpus = {"0-3", "3-5"}, .gpus = {0}}}, 1), "CPU 3 is listed twice, in memory nodes 0 and 0\n");
  EXPECT_EQ(faults_of({{.cpus = {"0-3", "4-5"}, .gpus = {0}, .adapters = {"a", "b"}}}, 1),
            "the thread lists of memory node 0 have unequal lengths\nmemory node 0 has 2 adapters for 1 GPUs\n");
  EXPECT_EQ(faults_of({{.cpus = {}, .gpus = {0}}}, 1), "memory node 0 has no cpus\n");
  EXPECT_EQ(faults_of({{.cpus = {"0"}, .gpus = {0}}}, 1, false),
            "memory node 0 lists GPUs or adapters, which device = \"cpu\" ignores\n");
  for (const char* list : {"", "a", "3-1", "0-1-2", "0-4:0", "70000", "-1", "1,,2"})
    EXPECT_NE(faults_of({{.cpus = {list}, .gpus = {0}}}, 1), "") << list;
}

}  // namespace
}  // namespace muster::cluster
