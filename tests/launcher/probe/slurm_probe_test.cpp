#include "launcher/probe/slurm_probe.h"

#include <gtest/gtest.h>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "tests/launcher/probe/fake_slurm.h"
#include "tests/support/sysfs_tree.h"

namespace muster::probe {
namespace {

const std::filesystem::path kSource = MUSTER_SOURCE_DIR;

class SlurmProbe : public testing::Test {
 protected:
  SlurmProbe() {
    request_.host = "login";
    for (const char* name : {"dgx-h100", "gb200-nvl72"})
      request_.known.push_back(cluster::read_cluster(name, kSource / "clusters"));
  }
  std::string notes(const Probed& probed) { return base::join(probed.notes, "\n"); }
  FakeSlurm slurm_;
  ProbeRequest request_;
};

TEST_F(SlurmProbe, ATrayIsProbedIntoTheGoldenFile) {
  const tests::SysfsTree sysfs(base::read_file(kSource / "tests/golden/sysfs/gb200.txt"));
  request_.host = "tray7";
  request_.sysfs = sysfs.path();
  const Probed probed = probe_cluster(slurm_, request_);
  EXPECT_TRUE(probed.has_map);
  const std::string text = cluster::cluster_text(probed.cluster, probed.notes);
  EXPECT_EQ(text, base::read_file(kSource / "tests/golden/probe/gb200.toml"));
  const cluster::Cluster again = cluster::parse_cluster(text, "probed.toml", "probed");
  EXPECT_EQ(again.numa, cluster::read_cluster("gb200-nvl72", kSource / "clusters").numa);
  EXPECT_EQ(again.partitions, probed.cluster.partitions);
}

TEST_F(SlurmProbe, OnALoginNodeItSaysHowToGetTheMap) {
  const Probed probed = probe_cluster(slurm_, request_);
  EXPECT_FALSE(probed.has_map);
  EXPECT_TRUE(probed.cluster.numa.empty());
  EXPECT_NE(notes(probed).find("login is none of them. On a node: srun -N1 -p batch muster cluster probe"),
            std::string::npos)
      << notes(probed);
}

TEST_F(SlurmProbe, NodesThatAreNotLikeTheOthersAreNamed) {
  slurm_.odd_one = "tray9";
  EXPECT_NE(notes(probe_cluster(slurm_, request_)).find("Not like the others: tray9 with 3 GPUs gb200"),
            std::string::npos);
}

TEST_F(SlurmProbe, WithoutBlocksNoSegmentsAreAskedFor) {
  slurm_.racks.clear();
  const Probed probed = probe_cluster(slurm_, request_);
  EXPECT_FALSE(probed.cluster.slurm.segments);
  EXPECT_NE(notes(probed).find("no topology/block"), std::string::npos);
}

TEST_F(SlurmProbe, AKindThatNobodyKnowsIsSaidAndNothingIsInvented) {
  slurm_.gres = "gpu:x900:16";
  const Probed probed = probe_cluster(slurm_, request_);
  EXPECT_EQ(probed.cluster.ranks_per_node, 16);
  EXPECT_EQ(probed.cluster.gpu.bf16_tflops, 0);
  EXPECT_NE(notes(probed).find("No shipped cluster has GPUs of kind \"x900\""), std::string::npos);
}

TEST_F(SlurmProbe, AMapThatDoesNotFitSlurmsGpusIsNotTaken) {
  const tests::SysfsTree sysfs(base::read_file(kSource / "tests/golden/sysfs/dgx-h100.txt"));
  request_.host = "tray0";
  request_.sysfs = sysfs.path();
  const Probed probed = probe_cluster(slurm_, request_);
  EXPECT_FALSE(probed.has_map);
  EXPECT_NE(notes(probed).find("Slurm says 4 GPUs a node, but on tray0 the kernel shows 8"), std::string::npos);
}

TEST_F(SlurmProbe, AnUnknownPartitionIsRefusedWithThoseThatThereAre) {
  request_.partition = "bacth";
  try {
    probe_cluster(slurm_, request_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("no partition 'bacth'\n    --partition with one of batch, debug"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace muster::probe
