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
    "TotalCPUs=448 TotalNodes=4\n";
constexpr const char* kJob =
    "JobId=7 JobName=sums with blanks UserId=u(1000) GroupId=u(1000) MCS_label=N/A JobState=PENDING Reason=Resources "
    "Dependency=(null) Restarts=1 ExitCode=0:0 "
    "RunTime=00:00:00 TimeLimit=1-04:00:00 StartTime=2026-11-23T20:31:07 EndTime=Unknown NodeList=(null) NumNodes=2 "
    "Command=/runs/a b/batch.sh";

TEST(ScontrolText, Partitions) {
  EXPECT_EQ(parse_partitions(kPartitions),
            (std::vector<PartitionFacts>{{"batch", true, true, kUnlimited, kUnlimited, 4},
                                         {"short", false, false, 300, 2, 4}}));
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
      "NodeName=node0 Arch=x86_64 NodeAddr=127.0.0.1 NodeHostName=here State=IDLE\nNodeName=node1 NodeAddr=10.0.0.2 "
      "State=DOWN*\n");
  EXPECT_EQ(nodes, (std::vector<NodeFacts>{{"node0", "127.0.0.1", "IDLE"}, {"node1", "10.0.0.2", "DOWN*"}}));
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
