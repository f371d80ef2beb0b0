// The memory of a plan as text. Pure.
#pragma once

#include <string>

#include "launcher/cluster/cluster.h"
#include "runtime/spec/plan.h"

namespace muster::plan {

/// For each role a table, owners by phases, and a bar a phase against the GPU's memory; at most 100 columns.
std::string memory_page(const spec::Plan& plan, const cluster::Cluster& cluster);

}  // namespace muster::plan
