#include "launcher/probe/node_probe.h"

#include <algorithm>

#include "runtime/base/cpu_list.h"
#include "runtime/base/hardware.h"

namespace muster::probe {
namespace {

/// Those that may carry the ranks' traffic.
std::vector<base::NetworkAdapter> candidates(const std::vector<base::NetworkAdapter>& all) {
  const auto is_infiniband = [](const base::NetworkAdapter& adapter) { return adapter.link_layer == "InfiniBand"; };
  const bool some = std::any_of(all.begin(), all.end(), [&](const auto& a) { return a.is_active && is_infiniband(a); });
  std::vector<base::NetworkAdapter> kept;
  for (const base::NetworkAdapter& adapter : all)
    if (adapter.is_active && (!some || is_infiniband(adapter))) kept.push_back(adapter);
  return kept;
}

/// The nearest of `free` on the memory node, taken out of it; none is left when it returns end.
std::vector<base::NetworkAdapter>::iterator nearest(const base::PciDevice& gpu, int memory_node,
                                                    std::vector<base::NetworkAdapter>& free) {
  auto best = free.end();
  for (auto adapter = free.begin(); adapter != free.end(); ++adapter) {
    if (adapter->device.memory_node != memory_node) continue;
    if (best == free.end() || base::shared_bridges(gpu, adapter->device) > base::shared_bridges(gpu, best->device))
      best = adapter;
  }
  return best;
}

}  // namespace

NodeProbe probe_node(const std::filesystem::path& sysfs) {
  NodeProbe probe;
  const std::vector<base::PciDevice> gpus = base::gpus(sysfs);
  std::vector<base::NetworkAdapter> free = candidates(base::network_adapters(sysfs));
  const std::vector<base::MemoryNode> nodes = base::memory_nodes(sysfs);
  for (const base::MemoryNode& node : nodes) {
    cluster::NumaNode& numa = probe.numa.emplace_back();
    numa.node = node.node;
    numa.socket = node.socket;
    for (const std::vector<int>& thread : node.threads) numa.cpus.push_back(base::cpu_list_text(thread));
    for (std::size_t gpu = 0; gpu < gpus.size(); ++gpu) {
      // A GPU of which the firmware says nothing is put on the first memory node.
      const int place = gpus[gpu].memory_node < 0 ? nodes.front().node : gpus[gpu].memory_node;
      if (place != node.node) continue;
      numa.gpus.push_back(static_cast<std::int64_t>(gpu));
      const auto adapter = nearest(gpus[gpu], node.node, free);
      if (adapter == free.end()) continue;
      numa.adapters.push_back(adapter->name);
      probe.has_infiniband = probe.has_infiniband || adapter->link_layer == "InfiniBand";
      if (probe.adapter_gbit_per_s == 0 || adapter->gbit_per_s < probe.adapter_gbit_per_s)
        probe.adapter_gbit_per_s = adapter->gbit_per_s;
      free.erase(adapter);
    }
  }
  return probe;
}

}  // namespace muster::probe
