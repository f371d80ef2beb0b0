#include "launcher/plan/segments.h"

#include <gtest/gtest.h>

#include "runtime/base/text.h"

namespace muster::plan {
namespace {

std::string faults_of(std::int64_t nodes, std::int64_t segment, std::vector<std::int64_t> domains = {18, 18}) {
  return base::join(
      segment_faults({.nodes = nodes, .train_nodes = nodes, .domain_nodes = 18, .domains = std::move(domains)},
                     segment),
      "; ");
}

/// What Slurm 25.11 with topology/block (two racks of 18, idle) took and refused, but for 36:36 below.
TEST(Segments, TheRulesAreThoseThatSlurmWasSeenToFollow) {
  const std::vector<std::pair<int, std::vector<int>>> taken{
      {16, {16}}, {18, {18, 9}}, {9, {9}},         {36, {18, 9, 6, 2, 1}}, {32, {16, 8, 4}}, {34, {17}},
      {30, {15}}, {28, {14}},    {24, {12, 8, 6}}, {20, {10, 4}},          {27, {9}}};
  for (const auto& [nodes, segments] : taken)
    for (const int segment : segments) EXPECT_EQ(faults_of(nodes, segment), "") << nodes << ":" << segment;
  const std::vector<std::pair<int, int>> refused{{36, 12}, {36, 4}, {30, 10}, {20, 18}, {18, 12},
                                                 {8, 3},   {16, 5}, {36, 17}, {12, 18}, {40, 10}};
  for (const auto& [nodes, segment] : refused) EXPECT_NE(faults_of(nodes, segment), "") << nodes << ":" << segment;
  // Slurm takes a segment of two whole racks; its NVLink domain would be crossed.
  EXPECT_EQ(faults_of(36, 36), "an NVLink domain has 18 nodes");
}

TEST(Segments, EachReasonHasItsNumbers) {
  EXPECT_EQ(faults_of(36, 12),
            "2 NVLink domains of 18, 18 nodes hold whole segments of 12 for 24 nodes, but the job has 36");
  EXPECT_EQ(
      faults_of(20, 24),
      "it does not divide the 20 nodes of the job; it does not divide the 20 training nodes; an NVLink domain has "
      "18 nodes");
  EXPECT_EQ(faults_of(32, 16, {15, 18, 18}), "");
  EXPECT_NE(faults_of(32, 16, {15, 18}), "");
  const auto split = segment_faults({.nodes = 24, .train_nodes = 8, .domain_nodes = 18}, 12);
  EXPECT_EQ(base::join(split, "; "), "it does not divide the 8 training nodes");
}

TEST(Segments, LegalOnesAreListed) {
  EXPECT_EQ(legal_segments({.nodes = 32, .train_nodes = 32, .domain_nodes = 18, .domains = {18, 18}}),
            (std::vector<std::int64_t>{1, 2, 4, 8, 16}));
  EXPECT_EQ(legal_segments({.nodes = 36, .train_nodes = 12, .domain_nodes = 18, .domains = {18, 18}}),
            (std::vector<std::int64_t>{1, 2, 3, 6}));
}

TEST(Segments, DomainsOfAClusterThatIsNoMultipleEndInARest) {
  cluster::Cluster cluster;
  cluster.nodes = 40;
  cluster.nvlink.domain_nodes = 18;
  EXPECT_EQ(idle_domains(cluster), (std::vector<std::int64_t>{18, 18, 4}));
}

}  // namespace
}  // namespace muster::plan
