#include "launcher/plan/limits.h"

#include <gtest/gtest.h>

namespace muster::plan {
namespace {

const std::vector<cluster::PartitionLimits> kPartitions{
    {.name = "batch", .is_default = true, .nodes = 64},
    {.name = "short", .nodes = 64, .max_nodes = 2, .max_time_min = 60, .max_memory_gb = 1000}};

std::string faults_of(const cluster::SlurmFacts& slurm, std::int64_t nodes) {
  spec::Plan plan;
  plan.num_nodes = nodes;
  cluster::Cluster cluster{.name = "c", .host_memory_gb = 2000, .slurm = slurm};
  cluster.places.file = "c.toml";
  cluster.places.keys = {{"slurm.partition", "--partition"}, {"slurm.time_limit_min", "me.toml:3:1"}};
  base::Faults faults;
  std::vector<std::string> warnings;
  check_limits(plan, cluster, kPartitions, faults, warnings);
  std::string all;
  for (const std::string& warning : warnings) all += "warning: " + warning + "\n";
  for (const base::Fault& fault : faults.list()) all += fault.where + ": " + fault.what + "\n  " + fault.fix + "\n";
  return all;
}

TEST(Limits, WithinThemNothingIsSaid) {
  EXPECT_EQ(faults_of({.time_limit_min = 10000}, 64), "");
  EXPECT_EQ(faults_of({.partition = "short", .time_limit_min = 60, .sbatch_flags = {"--mem=900G"}}, 2), "");
}

TEST(Limits, AllThatAreBrokenComeAtOnceWithWhoSaidIt) {
  EXPECT_EQ(faults_of({.partition = "short", .time_limit_min = 90, .sbatch_flags = {"--mem=0"}}, 3),
            "--partition: the plan needs 3 nodes, but a job in partition short may have 2\n"
            "  plan the job smaller, or set slurm.partition (--partition) to batch\n"
            "me.toml:3:1: slurm.time_limit_min = 90, but partition short ends jobs after 60 minutes\n"
            "  set it to 60 or less (--time-limit-min)\n"
            "c.toml: --mem=0 asks for all 2000 GB of a node, but a job in partition short may have 1000\n"
            "  set --mem=1000G or less there\n");
  EXPECT_EQ(faults_of({}, 65),
            "--partition: the plan needs 65 nodes, but a job in partition batch may have 64\n"
            "  plan the job smaller: no partition takes it\n");
}

TEST(Limits, AnUnknownPartitionHasItsNearest) {
  EXPECT_EQ(faults_of({.partition = "shrot"}, 1),
            "--partition: Slurm has no partition 'shrot'\n  did you mean 'short'? there are batch, short\n");
}

TEST(Limits, OfAListEachPartitionIsChecked) {
  EXPECT_EQ(faults_of({.partition = "batch,short", .time_limit_min = 60}, 2), "");
  EXPECT_EQ(faults_of({.partition = "batch,short", .time_limit_min = 60}, 3),
            "warning: the plan needs 3 nodes, but a job in partition short may have 2: the job will not start there\n");
  EXPECT_EQ(faults_of({.partition = "short,shrot,batch", .time_limit_min = 60}, 2),
            "--partition: Slurm has no partition 'shrot'\n  did you mean 'short'? there are batch, short\n");
  EXPECT_EQ(faults_of({.partition = "batch,short", .time_limit_min = 60}, 65),
            "--partition: the plan needs 65 nodes, but a job in partition batch may have 64\n"
            "  plan the job smaller: no partition takes it\n"
            "--partition: the plan needs 65 nodes, but a job in partition short may have 2\n"
            "  plan the job smaller: no partition takes it\n");
}

}  // namespace
}  // namespace muster::plan
