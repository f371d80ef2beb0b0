// A cluster file against the live cluster, fact for fact.
#pragma once

#include <string>
#include <vector>

#include "launcher/probe/slurm_probe.h"

namespace muster::probe {

struct Difference {
  std::string key, file, cluster;
  bool operator==(const Difference&) const = default;
};

/// Facts that both sides know and that differ: nodes, GPUs, memory (by more than 2 %), features that the file asks for,
/// NVLink domain, limits of the partitions that the file lists, and the map of a node where one was read. What a file
/// is free to choose (setup, flags, environment) is not compared.
std::vector<Difference> differences(const cluster::Cluster& file, const Probed& live);

/// A table: key, file, cluster; or one line that says what agrees.
std::string diff_page(const std::vector<Difference>& differences, const cluster::Cluster& file, const Probed& live);

}  // namespace muster::probe
