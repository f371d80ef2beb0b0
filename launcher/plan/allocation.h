// Which rank stands on which node slot, and the environment of all. Within launcher/plan.
#pragma once

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/toml_reader.h"

namespace muster::plan {

/// Fills meshes, ranks, num_nodes, ranks_per_node, device and cluster of a plan whose job is sound. Block order:
/// consecutive ranks share a node, so that tp neighbours are near. Split: training ranks first, each role on node slots
/// of its own. Spares come last.
void allocate(const cluster::Cluster& cluster, const spec::KeyPlaces& places, spec::Plan& plan, base::Faults& faults,
              std::vector<std::string>& warnings);

/// Layers, later ones win: defaults of the product, the cluster file, the job.
std::vector<spec::EnvironmentValue> environment_of(const spec::Job& job, const cluster::Cluster& cluster);

}  // namespace muster::plan
