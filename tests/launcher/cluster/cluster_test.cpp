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
  EXPECT_EQ(dgx.gpu.bf16_tflops, 989.5);
  EXPECT_EQ(dgx.slurm.gpu_request, GpuRequest::gpus_per_node);
  const Cluster rack = read_cluster("gb200-nvl72", kClusters);
  EXPECT_EQ(rack.ranks_per_node * rack.nvlink.domain_nodes, 72);
  EXPECT_EQ(rack.gpu.bf16_tflops, 2450);
}

TEST(Cluster, WrittenAndReadBackItIsTheSame) {
  for (const std::string& name : names_in(kClusters)) {
    const Cluster cluster = read_cluster(name, kClusters);
    const std::string text = cluster_text(cluster, {"a head"});
    const Cluster again = parse_cluster(text, "again.toml", name);
    EXPECT_EQ(cluster_text(again, {"a head"}), text);
    EXPECT_EQ(again.numa, cluster.numa) << text;
    EXPECT_EQ(again.gpu, cluster.gpu) << text;
    EXPECT_EQ(again.slurm, cluster.slurm) << text;
    EXPECT_EQ(again.nvlink, cluster.nvlink) << text;
    EXPECT_EQ(again.environment, cluster.environment) << text;
    EXPECT_EQ(again.has_slurm, cluster.has_slurm);
  }
}

TEST(Cluster, EachFaultHasItsPlace) {
  const std::string text = refusal(
      "device = \"gpu\"\nnodez = 3\nranks_per_node = 2\n[slurm]\ngpu_request = \"gress\"\n[environment]\n"
      "A = { value = \"1\" }\n[[numa]]\ncpu = [\"0-3\"]\n");
  for (const char* part : {"c.toml:1:10: device = ", "c.toml:2:1: unknown key 'nodez'", "did you mean \"gres\"",
                           "c.toml:7:1: environment.A lacks its reason", "c.toml:9:1: unknown key 'cpu'"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(Cluster, WhatSpansKeysIsToldInOneGo) {
  const std::string text = refusal(
      "setup = [\"a\\nb\"]\n[gpu]\nkind = \"h100\"\n[slurm]\npartition = \"big\"\nsegments = true\n"
      "[container]\nkind = \"pyxis\"\nmounts = [\"data:/data\", \"/a:/b,/c:/d\"]\n"
      "[[partitions]]\nname = \"batch\"\n[[partitions]]\nname = \"batch\"\n");
  for (const char* part : {"c.toml:1:1: a setup line holds a line break", "[gpu] and [nvlink] have no effect",
                           "container.image is not given", "\"data:/data\" is no mount", "\"/a:/b,/c:/d\" is no mount",
                           "partition \"batch\" is there twice",
                           "c.toml:5:1: slurm.partition = \"big\", but [[partitions]] lists batch, batch",
                           "c.toml:6:1: slurm.segments is set"}) {
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
