// A cluster file from a live Slurm: partitions and their limits, GPUs, features, memory and blocks of the nodes, and
// the map of a node where this runs on one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/cluster/cluster.h"
#include "launcher/slurm/queries.h"

namespace muster::probe {

struct ProbeRequest {
  std::string partition;                 // empty: Slurm's default one
  std::string host;                      // of this machine; its node's map is read when the partition has it
  std::filesystem::path sysfs = "/sys";  // or a recorded tree
  std::vector<cluster::Cluster> known;   // shipped ones: figures of a GPU kind that Slurm cannot tell
};

struct Probed {
  cluster::Cluster cluster;
  std::vector<std::string> notes;     // for the head of the file: what was asked, what is assumed, what is missing
  std::vector<std::string> features;  // of the nodes; a file asks for them only where someone wants that
  bool has_map = false;
};

/// As a cluster file says it: zeros where there is no limit.
cluster::PartitionLimits limits_of(const slurm::PartitionFacts& facts);

/// throws: Error::cluster when Slurm does not answer; Error::user for a partition that is not there, with the nearest.
Probed probe_cluster(slurm::Queries& queries, const ProbeRequest& request);

}  // namespace muster::probe
