// Segments: node slots 0 .. s-1, s .. 2s-1, ... that Slurm must put into one NVLink domain each (sbatch --segment), for
// systems whose domains are several nodes. Slurm itself accepts segments that cross a domain, and refuses others with
// words that name no reason, so the rules are ours.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"

namespace muster::plan {

/// What is asked of a segment. `domains`: usable nodes of each NVLink domain; empty: not known.
struct SegmentRequest {
  std::int64_t nodes = 1;        // of the job
  std::int64_t train_nodes = 1;  // the first of them
  std::int64_t domain_nodes = 1;
  std::vector<std::int64_t> domains = {};
};

/// Why `segment` is not legal, each reason with its numbers; empty when it is: it divides the nodes and the training
/// nodes, is no larger than a domain, and fits whole into the domains as often as the job needs.
std::vector<std::string> segment_faults(const SegmentRequest& request, std::int64_t segment);
/// All legal ones, ascending.
std::vector<std::int64_t> legal_segments(const SegmentRequest& request);
/// NVLink domains of the cluster when nothing is in use: whole ones, then the rest.
std::vector<std::int64_t> idle_domains(const cluster::Cluster& cluster);
SegmentRequest segment_request(const spec::Plan& plan, const cluster::Cluster& cluster);

/// Sets plan.segment_nodes, of a plan whose ranks stand: what the job says, or the smallest legal segment that holds
/// every tp, cp and ep group, and none when a node holds them. Faults: what the job says is not legal. Warnings: groups
/// that no legal segment holds, or a cluster without segments.
void choose_segment(const cluster::Cluster& cluster, const spec::KeyPlaces& places, spec::Plan& plan,
                    base::Faults& faults, std::vector<std::string>& warnings);

}  // namespace muster::plan
