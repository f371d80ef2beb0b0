#include "launcher/slurm/scontrol_text.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::slurm {
namespace {

// As scontrol of Slurm 22.05 prints them, shortened.
constexpr const char* kPartitions =
    "PartitionName=batch AllowGroups=ALL Default=YES MaxNodes=UNLIMITED MaxTime=UNLIMITED Nodes=node[0-3] State=UP "
    "TotalCPUs=448 TotalNodes=4\n"
    "PartitionName=short AllowGroups=ALL Default=NO MaxNodes=2 MaxTime=00:05:00 Nodes=node[0-3] State=DOWN "
    "MaxMemPerNode=1000 TotalCPUs=448 TotalNodes=4\n";
constexpr const char* kJob =
    "JobId=7 JobName=sums with blanks UserId=u(1000) GroupId=u(1000) MCS_label=N/A JobState=PENDING Reason=Resources "
    "Dependency=(null) Restarts=1 ExitCode=0:0 "
    "RunTime=00:00:00 TimeLimit=1-04:00:00 StartTime=2026-11-23T20:31:07 EndTime=Unknown NodeList=(null) NumNodes=2 "
    "Command=/runs/a b/batch.sh";

TEST(ScontrolText, Partitions) {
  EXPECT_EQ(parse_partitions(kPartitions),
            (std::vector<PartitionFacts>{{"batch", true, true, kUnlimited, kUnlimited, 4, kUnlimited, "node[0-3]"},
                                         {"short", false, false, 300, 2, 4, 1000, "node[0-3]"}}));
}

TEST(ScontrolText, ValuesMayHoldBlanks) {
  EXPECT_EQ(parse_record(kJob).at("Command"), "/runs/a b/batch.sh");
  const JobFacts job = parse_job(kJob);
  EXPECT_EQ(job.name, "sums with blanks");
  EXPECT_EQ(job.state, "PENDING");
  EXPECT_EQ(job.reason, "Resources");
  EXPECT_EQ(job.nodes, "");
  EXPECT_EQ(job.restarts, 1);
  EXPECT_EQ(job.time_limit_s, 28 * 3600);
  EXPECT_EQ(job.end_s, 0);
  EXPECT_GT(job.start_s, 1'700'000'000);
  EXPECT_FALSE(job.is_over());
}

TEST(ScontrolText, Nodes) {
  const auto nodes = parse_nodes(
      "NodeName=node0 Arch=x86_64 AvailableFeatures=(null) Gres=gpu:h100:8(S:0-1) NodeAddr=127.0.0.1 NodeHostName=here "
      "RealMemory=2000000 State=IDLE\nNodeName=node1 AvailableFeatures=gb200,ib NodeAddr=10.0.0.2 State=DOWN*\n");
  EXPECT_EQ(nodes, (std::vector<NodeFacts>{{"node0", "127.0.0.1", "IDLE", "here", "gpu:h100:8(S:0-1)", "", 2000000},
                                           {"node1", "10.0.0.2", "DOWN*", "", "", "gb200,ib", 0}}));
}

TEST(ScontrolText, NodesThatAJobWouldWaitForAreAway) {
  for (const char* state : {"DOWN", "DOWN*", "IDLE*", "IDLE+NOT_RESPONDING", "DOWN+NOT_RESPONDING", "IDLE+DRAIN",
                            "MIXED+DRAIN", "DRAINED", "REBOOT", "UNKNOWN"})
    EXPECT_TRUE((NodeFacts{"n", "", state}.is_away())) << state;
  for (const char* state : {"IDLE", "ALLOCATED", "MIXED", "IDLE+CLOUD+POWERED_DOWN", "COMPLETING", ""})
    EXPECT_FALSE((NodeFacts{"n", "", state}.is_away())) << state;
}

TEST(ScontrolText, NodesComeInTheOrderAskedForAndUnknownOnesAreNamed) {
  const std::vector<NodeFacts> nodes{{.name = "b"}, {.name = "a"}};
  EXPECT_EQ(in_order(nodes, {"a", "b"}), (std::vector<NodeFacts>{{.name = "a"}, {.name = "b"}}));
  EXPECT_THROW(in_order(nodes, {"a", "c"}), Error);
}

TEST(ScontrolText, GpusOfAGres) {
  EXPECT_EQ(parse_gpu_gres("gpu:h100:8(S:0-1)"), (GpuGres{"h100", 8}));
  EXPECT_EQ(parse_gpu_gres("nvme:1,gpu:4(S:0,1)"), (GpuGres{"", 4}));
  EXPECT_EQ(parse_gpu_gres(""), GpuGres{});
  EXPECT_EQ(parse_gpu_gres("gpu:a:b:c"), GpuGres{});
}

// As Slurm 25.11 prints topology/block; the last stands for the lines of aggregates.
TEST(ScontrolText, BlocksOfTheTopology) {
  EXPECT_EQ(parse_blocks("BlockName=rack0 BlockIndex=0 Nodes=node[0-17] BlockSize=18\n"
                         "BlockName=rack1 BlockIndex=1 Nodes=node[18-35] BlockSize=18\n"
                         "BlockName=empty BlockIndex=2 Nodes=(null) BlockSize=18\n"
                         "AggregatedBlock=rack[0-1] BlockIndex=2 Nodes=node[0-35] BlockSize=36\n"),
            (std::vector<BlockFacts>{{"rack0", "node[0-17]", 18}, {"rack1", "node[18-35]", 18}}));
  EXPECT_TRUE(parse_blocks("SwitchName=s0 Level=0 LinkSpeed=1 Nodes=node[0-3]\n").empty());
}

TEST(ScontrolText, DurationsInEverySpelling) {
  EXPECT_EQ(parse_duration("2-03:04:05"), 2 * 86400 + 3 * 3600 + 4 * 60 + 5);
  EXPECT_EQ(parse_duration("03:04:05"), 3 * 3600 + 4 * 60 + 5);
  EXPECT_EQ(parse_duration("05:30"), 330);
  EXPECT_EQ(parse_duration("90"), 5400);
  EXPECT_EQ(parse_duration("1-0"), 86400);
  EXPECT_EQ(parse_duration("UNLIMITED"), kUnlimited);
  EXPECT_EQ(parse_duration(duration_text(93784)), 93784);
  EXPECT_THROW(parse_duration("soon"), Error);
}

}  // namespace
}  // namespace muster::slurm
