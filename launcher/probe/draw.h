// A node as text: sockets, memory nodes, cores, GPUs, network adapters, and the ranks on them. At most 100 columns
// wide.
#pragma once

#include <string>

#include "launcher/cluster/cluster.h"

namespace muster::probe {

std::string node_page(const cluster::Cluster& cluster);

}  // namespace muster::probe
