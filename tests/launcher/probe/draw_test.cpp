#include "launcher/probe/draw.h"

#include <gtest/gtest.h>

#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::probe {
namespace {

const std::filesystem::path kSource = MUSTER_SOURCE_DIR;

cluster::Cluster shipped(const std::string& name) { return cluster::read_cluster(name, kSource / "clusters"); }

TEST(Draw, ADgxAndATrayAreAsTheGoldenFilesSay) {
  EXPECT_EQ(node_page(shipped("dgx-h100")), base::read_file(kSource / "tests/golden/probe/dgx-h100.txt"));
  EXPECT_EQ(node_page(shipped("gb200-nvl72")), base::read_file(kSource / "tests/golden/probe/gb200-nvl72.txt"));
}

TEST(Draw, NoLineIsWiderThanAHundredColumnsHoweverTheNodeIsCut) {
  cluster::Cluster odd = shipped("dgx-h100");
  odd.ranks_per_node = 16;
  odd.gpu.kind = "a-kind-of-gpu-with-a-long-name";
  odd.numa = {{.node = 0, .cpus = {"0-126:2", "1-127:2"}, .gpus = {0, 1, 2, 3, 4, 5, 6, 7}, .adapters = {"a", "b"}},
              {.node = 1, .cpus = {"128-255"}, .gpus = {8, 9, 10, 11, 12, 13, 14, 15}},
              {.node = 2, .socket = 1, .cpus = {"256-300"}}};
  const std::string page = node_page(odd);
  for (const std::string& line : base::split(page, '\n')) EXPECT_LE(line.size(), 100U) << line;
  EXPECT_NE(page.find("rank 15"), std::string::npos);
  EXPECT_NE(page.find("no rank"), std::string::npos);
  EXPECT_NE(node_page(shipped("local")).find("no map of a node"), std::string::npos);
}

}  // namespace
}  // namespace muster::probe
