#include "runtime/node/node_check.h"

#include <algorithm>

#include "runtime/base/cpu_list.h"
#include "runtime/base/hardware.h"
#include "runtime/base/text.h"
#include "runtime/node/rank_start.h"

namespace muster::node {
namespace {

using base::text;

std::string cpu_difference(const spec::RankPlan& rank, const std::vector<int>& allowed) {
  const std::vector<int> usable = usable_cpus(rank.cpus, allowed);
  if (usable.size() == rank.cpus.size()) return "";
  return text("CPUs ", base::cpu_list_text(rank.cpus), ", but it may use ",
              usable.empty() ? "none of them and is not bound" : base::cpu_list_text(usable));
}

/// The memory node that the rank's first CPU lies on.
std::string memory_difference(const spec::RankPlan& rank, const std::vector<base::MemoryNode>& nodes) {
  if (!rank.memory_node || rank.cpus.empty()) return "";
  for (const base::MemoryNode& node : nodes) {
    if (std::find(node.cpus.begin(), node.cpus.end(), rank.cpus.front()) == node.cpus.end()) continue;
    return node.node == *rank.memory_node
               ? ""
               : text("memory node ", *rank.memory_node, ", but its CPUs lie on ", node.node);
  }
  return "";  // no such CPU here: said already
}

std::string adapter_difference(const spec::RankPlan& rank, const std::vector<base::NetworkAdapter>& adapters) {
  if (rank.adapter.empty()) return "";
  std::vector<std::string> names;
  for (const base::NetworkAdapter& adapter : adapters) {
    names.push_back(adapter.name);
    if (adapter.name != rank.adapter) continue;
    const int here = adapter.device.memory_node;
    if (!adapter.is_active) return text("adapter ", rank.adapter, ", but its port is not active");
    return here < 0 || !rank.memory_node || here == *rank.memory_node
               ? ""
               : text("adapter ", rank.adapter, " on memory node ", *rank.memory_node, ", but it lies on ", here);
  }
  return text("adapter ", rank.adapter, ", but the node has ", names.empty() ? "none" : base::join(names, ", "));
}

}  // namespace

std::string node_differences(const spec::Plan& plan, std::int64_t slot, const std::vector<int>& allowed,
                             bool may_prefer_memory, const std::filesystem::path& sysfs) {
  const std::vector<base::MemoryNode> nodes = base::memory_nodes(sysfs);
  const std::vector<base::NetworkAdapter> adapters = base::network_adapters(sysfs);
  std::vector<std::string> differences;
  bool wants_memory = false;
  for (const spec::RankPlan& rank : plan.ranks) {
    if (rank.node_slot != slot) continue;
    wants_memory = wants_memory || rank.memory_node.has_value();
    for (const std::string& difference :
         {cpu_difference(rank, allowed), memory_difference(rank, nodes), adapter_difference(rank, adapters)})
      if (!difference.empty()) differences.push_back(text("rank ", rank.rank, ": ", difference));
  }
  if (wants_memory && !may_prefer_memory)
    differences.emplace_back(
        "memory nodes cannot be chosen here (set_mempolicy is refused): ranks are bound to cores only");
  return differences.empty() ? "" : "the node is not as planned: " + base::join(differences, "; ");
}

}  // namespace muster::node
