#include "launcher/cluster/node_map.h"

#include <algorithm>
#include <map>

#include "runtime/base/cpu_list.h"
#include "runtime/base/text.h"
#include "runtime/spec/layout.h"

namespace muster::cluster {
using base::text;

namespace {

/// By hardware thread: the CPUs of the cores. Of a map that was checked.
std::vector<std::vector<int>> threads_of(const NumaNode& numa) {
  base::Faults none;
  std::vector<std::vector<int>> threads;
  for (const std::string& list : numa.cpus) threads.push_back(parse_cpus(list, "", none));
  return threads;
}

/// The place of rank `index` of the `count` ranks on one memory node.
Affinity share_of(const NumaNode& numa, std::int64_t count, std::int64_t index) {
  Affinity place{.cpus = {}, .memory_node = numa.node, .adapter = ""};
  for (const std::vector<int>& thread : threads_of(numa)) {
    const spec::Range cores = spec::part_of(std::ssize(thread), count, index);
    place.cpus.insert(place.cpus.end(), thread.begin() + cores.begin, thread.begin() + cores.end);
  }
  return place;
}

std::string adapter_of(const NumaNode& numa, std::size_t gpu_index) {
  return numa.adapters.empty() ? "" : numa.adapters[gpu_index * numa.adapters.size() / numa.gpus.size()];
}

void check_cpus(const std::vector<NumaNode>& map, const std::string& where, base::Faults& faults) {
  std::map<int, std::int64_t> owner;
  for (const NumaNode& numa : map) {
    std::vector<std::size_t> lengths;
    for (const std::string& list : numa.cpus) {
      const std::vector<int> cpus = parse_cpus(list, where, faults);
      lengths.push_back(cpus.size());
      for (const int cpu : cpus) {
        const auto [first, is_new] = owner.emplace(cpu, numa.node);
        if (is_new) continue;
        faults.add({.what = text("CPU ", cpu, " is listed twice, in memory nodes ", first->second, " and ", numa.node),
                    .where = where,
                    .fix = "each CPU belongs to one memory node"});
        return;
      }
    }
    if (lengths.empty())
      faults.add({.what = text("memory node ", numa.node, " has no cpus"),
                  .where = where,
                  .fix = R"(write cpus = ["0-55", "112-167"], one list for each hardware thread of the cores)"});
    if (std::adjacent_find(lengths.begin(), lengths.end(), std::not_equal_to<>()) != lengths.end())
      faults.add({.what = text("the thread lists of memory node ", numa.node, " have unequal lengths"),
                  .where = where,
                  .fix = "the n-th CPU of each list is a thread of the n-th core"});
  }
}

void check_gpus(const std::vector<NumaNode>& map, std::int64_t ranks_per_node, const std::string& where,
                base::Faults& faults) {
  std::map<std::int64_t, int> seen;
  for (const NumaNode& numa : map) {
    for (const std::int64_t gpu : numa.gpus) ++seen[gpu];
    if (numa.adapters.size() > numa.gpus.size())
      faults.add({.what = text("memory node ", numa.node, " has ", numa.adapters.size(), " adapters for ",
                               numa.gpus.size(), " GPUs"),
                  .where = where,
                  .fix = "list those of the compute network, one for each GPU at most"});
  }
  std::vector<std::string> wrong;
  for (std::int64_t gpu = 0; gpu < ranks_per_node; ++gpu)
    if (seen[gpu] != 1) wrong.push_back(text("GPU ", gpu, seen[gpu] == 0 ? " is missing" : " is there twice"));
  for (const auto& [gpu, count] : seen)
    if (gpu >= ranks_per_node || gpu < 0) wrong.push_back(text("GPU ", gpu, " does not exist"));
  if (!wrong.empty())
    faults.add({.what = text("the map does not fit ", ranks_per_node, " GPUs a node: ", base::join(wrong, ", ")),
                .where = where,
                .fix = "list each GPU from 0 once in the gpus of a [[numa]]"});
}

}  // namespace

std::vector<Affinity> affinities(const std::vector<NumaNode>& map, std::int64_t ranks_per_node, bool has_gpus) {
  if (map.empty()) return {};
  std::vector<Affinity> places(static_cast<std::size_t>(ranks_per_node));
  for (std::size_t n = 0; n < map.size(); ++n) {
    const NumaNode& numa = map[n];
    std::vector<std::pair<std::int64_t, std::size_t>> ranks;  // local rank, index of its GPU
    if (has_gpus) {
      for (std::size_t i = 0; i < numa.gpus.size(); ++i)
        if (numa.gpus[i] < ranks_per_node) ranks.emplace_back(numa.gpus[i], i);
    } else {
      const spec::Range block = spec::part_of(ranks_per_node, std::ssize(map), static_cast<std::int64_t>(n));
      for (std::int64_t rank = block.begin; rank < block.end; ++rank) ranks.emplace_back(rank, 0);
    }
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      Affinity place = share_of(numa, std::ssize(ranks), static_cast<std::int64_t>(i));
      if (has_gpus) place.adapter = adapter_of(numa, ranks[i].second);
      places[ranks[i].first] = std::move(place);
    }
  }
  return places;
}

std::vector<std::string> adapters_of(const std::vector<NumaNode>& map) {
  std::map<std::int64_t, std::string> by_gpu;
  for (const NumaNode& numa : map)
    for (std::size_t i = 0; i < numa.gpus.size() && !numa.adapters.empty(); ++i)
      by_gpu[numa.gpus[i]] = adapter_of(numa, i);
  std::vector<std::string> adapters;
  for (const auto& [gpu, adapter] : by_gpu)
    if (std::find(adapters.begin(), adapters.end(), adapter) == adapters.end()) adapters.push_back(adapter);
  return adapters;
}

void check_map(const std::vector<NumaNode>& map, std::int64_t ranks_per_node, bool has_gpus, const std::string& where,
               base::Faults& faults) {
  if (map.empty()) return;
  check_cpus(map, where, faults);
  if (has_gpus) return check_gpus(map, ranks_per_node, where, faults);
  for (const NumaNode& numa : map)
    if (!numa.gpus.empty() || !numa.adapters.empty())
      faults.add({.what = text("memory node ", numa.node, " lists GPUs or adapters, which device = \"cpu\" ignores"),
                  .where = where,
                  .fix = "take them out"});
}

std::vector<int> parse_cpus(const std::string& list, const std::string& where, base::Faults& faults) {
  if (auto cpus = base::parse_cpu_list(list)) return *cpus;
  faults.add({.what = text("\"", list, "\" is no list of CPUs"), .where = where, .fix = "write \"0-13,112-125\""});
  return {};
}

}  // namespace muster::cluster
