#include "launcher/cluster/cluster.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace muster::cluster {
namespace {

const std::filesystem::path kClusters = std::filesystem::path(MUSTER_SOURCE_DIR) / "clusters";

std::string refusal(const std::string& text) {
  try {
    parse_cluster(text, "c.toml", "c");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Cluster, EveryShippedFileReads) {
  ASSERT_GE(names_in(kClusters).size(), 3u);
  for (const std::string& name : names_in(kClusters)) EXPECT_EQ(read_cluster(name, kClusters).name, name);
}

TEST(Cluster, TheDgxHasItsRealFigures) {
  const Cluster dgx = read_cluster("dgx-h100", kClusters);
  EXPECT_EQ(dgx.device, "cuda");
  EXPECT_EQ(dgx.ranks_per_node, 8);
  EXPECT_EQ(dgx.gpu.memory_gb, 80);
  EXPECT_EQ(dgx.slurm.gpu_request, GpuRequest::gpus_per_node);
  base::Faults faults;
  std::vector<int> all;
  for (const std::string& list : dgx.cpus) {
    for (const int cpu : parse_cpus(list, "", faults)) all.push_back(cpu);
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), 224u);
  for (int cpu = 0; cpu < 224; ++cpu) EXPECT_EQ(all[static_cast<std::size_t>(cpu)], cpu);
}

TEST(Cluster, EachFaultHasItsPlace) {
  const std::string text = refusal(
      "device = \"gpu\"\nnodez = 3\nranks_per_node = 2\ncpus = [\"0-x\"]\n[slurm]\ngpu_request = "
      "\"gress\"\n[environment]\nA = { value = \"1\" }\n");
  for (const char* part :
       {"c.toml:1:10: device = ", "c.toml:2:1: unknown key 'nodez'", "c.toml:4:1: cpus lists 1", "is no list of CPUs",
        "did you mean \"gres\"", "c.toml:8:1: environment.A lacks its reason"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Cluster, SuggestsTheNearestName) {
  try {
    read_cluster("dgx-h10", kClusters);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"dgx-h100\""), std::string::npos);
  }
}

TEST(Cluster, ListsItsKeys) {
  const auto keys = cluster_keys();
  EXPECT_EQ(keys.front().key, "device");
  EXPECT_EQ(keys.back().key, "environment.NAME");
}

}  // namespace
}  // namespace muster::cluster
