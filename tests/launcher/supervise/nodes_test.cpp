#include "launcher/supervise/nodes.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/spec/epoch.h"

namespace muster::supervise {
namespace {

// Slurm with nodes n0..n3, in an order of its own.
class FakeQueries : public slurm::Queries {
 public:
  const char* form() const override { return "fake"; }
  void ping() override {}
  std::vector<slurm::PartitionFacts> partitions() override { return {}; }
  std::vector<slurm::NodeFacts> nodes(const std::vector<std::string>& names) override {
    std::vector<slurm::NodeFacts> facts;
    for (auto name = names.rbegin(); name != names.rend(); ++name)
      facts.push_back({*name, "10.0.0." + name->substr(1), "IDLE"});
    return facts;
  }
  std::vector<slurm::BlockFacts> racks;
  std::vector<slurm::BlockFacts> blocks() override { return racks; }
  std::optional<slurm::JobFacts> job(const std::string&) override { return std::nullopt; }
};

spec::Plan plan_of(std::int64_t num_nodes) {
  spec::Plan plan;
  plan.num_nodes = num_nodes;
  for (std::int64_t slot = 0; slot < num_nodes; ++slot) plan.ranks.push_back({.rank = slot, .node_slot = slot});
  return plan;
}

TEST(Nodes, WithoutSlurmEverySlotIsHere) {
  FakeQueries queries;
  const Nodes nodes = decide_nodes(plan_of(2), std::nullopt, queries);
  EXPECT_FALSE(nodes.by_srun);
  ASSERT_EQ(nodes.places.size(), 2U);
  EXPECT_EQ(nodes.places[1].host, spec::this_host());
  EXPECT_EQ(nodes.places[1].address, "127.0.0.1");
}

TEST(Nodes, SlotsFollowTheOrderOfTheAllocation) {
  FakeQueries queries;
  const Nodes nodes = decide_nodes(plan_of(3), spec::SlurmEnv{.job_id = "7", .node_list = "n[0-3]"}, queries);
  EXPECT_TRUE(nodes.by_srun);
  ASSERT_EQ(nodes.places.size(), 3U);
  EXPECT_EQ(nodes.places[2].host, "n2");
  EXPECT_EQ(nodes.places[2].address, "10.0.0.2");
}

TEST(Nodes, SegmentsLieInOneBlockEach) {
  const std::vector<slurm::BlockFacts> racks{{"r0", "n[0-4]", 9}, {"r1", "n[5-9]", 9}};
  const std::vector<std::string> hosts{"n1", "n2", "n3", "n6", "n7", "n8", "n9", "x"};
  EXPECT_EQ(by_segments(hosts, racks, 2), (std::vector<std::string>{"n1", "n2", "n6", "n7", "n8", "n9", "n3", "x"}));
  EXPECT_EQ(by_segments(hosts, {}, 2), hosts);
}

TEST(Nodes, ASegmentThatNoBlockHoldsIsWarnedOf) {
  FakeQueries queries;
  queries.racks = {{"r0", "n[0-2]", 3}, {"r1", "n3", 3}};
  spec::Plan plan = plan_of(4);
  plan.segment_nodes = 2;
  const spec::SlurmEnv slurm{.job_id = "7", .node_list = "n[0-3]"};
  EXPECT_EQ(decide_nodes(plan, slurm, queries).warning,
            "the plan counts on 2 nodes in one NVLink domain from slot 2 on, but n2 is in block 'r0' and n3 in 'r1': "
            "groups will use the network instead");
  queries.racks = {{"r0", "n[0-1]", 3}, {"r1", "n[2-3]", 3}};
  EXPECT_EQ(decide_nodes(plan, slurm, queries).warning, "");
}

TEST(Nodes, AnAllocationThatIsTooSmallIsRefusedWithTheNumbers) {
  FakeQueries queries;
  try {
    decide_nodes(plan_of(5), spec::SlurmEnv{.job_id = "7", .node_list = "n[0-3]"}, queries);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 3);
    EXPECT_NE(std::string(error.what()).find("needs 5 nodes, but allocation 7 has 4"), std::string::npos)
        << error.what();
  }
}

TEST(Nodes, AddressesAreLiteralsOrResolved) {
  EXPECT_EQ(address_of("10.1.2.3", ""), "10.1.2.3");
  EXPECT_EQ(address_of("localhost", "").substr(0, 4) == "127." || address_of("localhost", "") == "::1", true);
  EXPECT_THROW(address_of("no-such-host.invalid", ""), Error);
}

}  // namespace
}  // namespace muster::supervise
