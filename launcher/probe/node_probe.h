// The map of the node that this runs on, from sysfs: what a person would otherwise write as [[numa]] by hand.
#pragma once

#include <filesystem>
#include <vector>

#include "launcher/cluster/node_map.h"

namespace muster::probe {

struct NodeProbe {
  std::vector<cluster::NumaNode> numa;
  double adapter_gbit_per_s = 0;  // slowest of the adapters on the map
  bool has_infiniband = false;
};

/// Memory nodes with their cores; GPUs in the order of the bus, each with the nearest active adapter of its memory
/// node: that which shares most bridges with it, else the next one by number. Where some adapters are InfiniBand the
/// others are taken to carry storage and management. `sysfs`: /sys, or a recorded tree.
NodeProbe probe_node(const std::filesystem::path& sysfs = "/sys");

}  // namespace muster::probe
