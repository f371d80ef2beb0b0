// Does this node have what the plan counts on? What differs is said in one line; ranks run all the same.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/spec/plan.h"

namespace muster::node {

/// Planned and real places of the ranks of one slot that differ: CPUs that this process may not use (`allowed`), memory
/// nodes, adapters. "" when nothing does. `may_prefer_memory`: the system lets a process choose its memory node.
std::string node_differences(const spec::Plan& plan, std::int64_t slot, const std::vector<int>& allowed,
                             bool may_prefer_memory, const std::filesystem::path& sysfs = "/sys");

}  // namespace muster::node
