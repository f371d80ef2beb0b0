#include "launcher/probe/diff.h"

#include <gtest/gtest.h>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "tests/launcher/probe/fake_slurm.h"
#include "tests/support/sysfs_tree.h"

namespace muster::probe {
namespace {

const std::filesystem::path kSource = MUSTER_SOURCE_DIR;

class Diff : public testing::Test {
 protected:
  Probed live() {
    const tests::SysfsTree sysfs(base::read_file(kSource / "tests/golden/sysfs/gb200.txt"));
    return probe_cluster(slurm_, {.host = "tray0", .sysfs = sysfs.path(), .known = {shipped()}});
  }
  static cluster::Cluster shipped() { return cluster::read_cluster("gb200-nvl72", kSource / "clusters"); }
  FakeSlurm slurm_;
};

TEST_F(Diff, AFileThatWasJustProbedAgrees) {
  const Probed probed = live();
  const std::string text = cluster::cluster_text(probed.cluster, {});
  const cluster::Cluster file = cluster::parse_cluster(text, "mine.toml", "mine");
  EXPECT_TRUE(differences(file, probed).empty());
  EXPECT_EQ(diff_page({}, file, probed), "mine: file and cluster agree in nodes, limits and the map of this node\n");
}

TEST_F(Diff, EachFactThatDiffersIsALineOfTheGoldenTable) {
  cluster::Cluster file = shipped();
  file.slurm.features = {"gb200", "nvme"};
  file.nvlink.domain_nodes = 16;
  file.partitions = {{.name = "batch", .nodes = 36, .max_time_min = 480}, {.name = "old", .nodes = 4}};
  file.numa[1].adapters = {"mlx5_5", "mlx5_4"};
  file.numa[0].cpus = {"0-35"};
  const Probed probed = live();
  EXPECT_EQ(diff_page(differences(file, probed), file, probed),
            base::read_file(kSource / "tests/golden/probe/diff.txt"));
}

TEST_F(Diff, AFileWithoutGpusIgnoresThem) {
  const cluster::Cluster file = cluster::parse_cluster("nodes = 36\nranks_per_node = 2\n[slurm]\n", "c.toml", "c");
  EXPECT_TRUE(differences(file, live()).empty());
}

}  // namespace
}  // namespace muster::probe
