#include "launcher/slurm/host_list.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

using Hosts = std::vector<std::string>;

TEST(HostList, ExpandsRangesWithTheirWidth) {
  EXPECT_EQ(expand_hosts("n[08-10,3],x"), (Hosts{"n08", "n09", "n10", "n3", "x"}));
  EXPECT_EQ(expand_hosts("rack[1-2]n[0-1]"), (Hosts{"rack1n0", "rack1n1", "rack2n0", "rack2n1"}));
  EXPECT_EQ(expand_hosts("gpu-a.site"), (Hosts{"gpu-a.site"}));
  EXPECT_TRUE(expand_hosts("").empty());
}

TEST(HostList, CompressesRunsInOrder) {
  EXPECT_EQ(compress_hosts({"node0", "node1", "node2", "node7", "login"}), "node[0-2,7],login");
  EXPECT_EQ(compress_hosts({"n08", "n09", "n10"}), "n[08-10]");
  EXPECT_EQ(compress_hosts({"n9", "n10"}), "n[9-10]");
  EXPECT_EQ(compress_hosts({"a", "b"}), "a,b");
  EXPECT_EQ(compress_hosts({"n5"}), "n5");
}

TEST(HostList, ExpandOfCompressIsTheSame) {
  for (std::uint64_t draw = 0; draw < 300; ++draw) {
    const base::RandomKey key(draw, base::Purpose::test);
    Hosts hosts;
    for (std::uint64_t i = 0; i < 12; ++i) {
      const auto words = key.at(i);
      const std::string digits = std::to_string(words[1] % 120);
      const std::size_t width = words[2] % 4;
      hosts.push_back(base::text(words[0] % 3 == 0 ? "gpu-" : "n",
                                 digits.size() < width ? std::string(width - digits.size(), '0') : "", digits,
                                 words[3] % 7 == 0 ? "x" : ""));
    }
    EXPECT_EQ(expand_hosts(compress_hosts(hosts)), hosts) << compress_hosts(hosts);
  }
}

TEST(HostList, RefusesWhatIsNoList) {
  for (const char* list : {"n[1-", "n1]", "n[a-b]", "n[3-1]", "n[]"}) EXPECT_THROW(expand_hosts(list), Error) << list;
}

}  // namespace
}  // namespace muster::slurm
