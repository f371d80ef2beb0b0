// The map of one node: which cores, GPUs and network adapters lie on which memory (NUMA) node, and from it the place of
// each rank.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/error.h"

namespace muster::cluster {

/// One memory node with what hangs on it.
struct NumaNode {
  std::int64_t node = 0;              // as the kernel numbers it
  std::int64_t socket = 0;            // processor package
  std::vector<std::string> cpus;      // one list for each hardware thread of the cores: ["0-55", "112-167"]; same order
  std::vector<std::int64_t> gpus;     // CUDA's numbers in the order of the PCI bus
  std::vector<std::string> adapters;  // of the compute network, in the order of `gpus`; fewer are shared by neighbours
  bool operator==(const NumaNode&) const = default;
};

/// Where one local rank stands.
struct Affinity {
  std::vector<int> cpus;                    // whole cores: all their hardware threads
  std::optional<std::int64_t> memory_node;  // where its host memory should lie
  std::string adapter;                      // the nearest of the compute network, or ""
};

/// By local rank. With GPUs, rank r has GPU r and shares the cores of its memory node with the ranks that are on it;
/// without, ranks are dealt over the memory nodes in blocks. Empty when the map is.
std::vector<Affinity> affinities(const std::vector<NumaNode>& map, std::int64_t ranks_per_node, bool has_gpus);

/// The adapters of the whole node in the order of the GPUs.
std::vector<std::string> adapters_of(const std::vector<NumaNode>& map);

/// Faults of a map whose keys are sound: cores twice, thread lists of unequal length, GPUs missing or twice, ...
void check_map(const std::vector<NumaNode>& map, std::int64_t ranks_per_node, bool has_gpus, const std::string& where,
               base::Faults& faults);

/// "0-2,7" -> 0 1 2 7; "0-6:2" -> 0 2 4 6. Adds a fault when it is no such list.
std::vector<int> parse_cpus(const std::string& list, const std::string& where, base::Faults& faults);

}  // namespace muster::cluster
