#include "launcher/probe/diff.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/columns.h"
#include "runtime/base/text.h"

namespace muster::probe {
using base::text;

namespace {

constexpr double kMemoryTolerance = 0.02;  // firmware and kernel keep a little, and files round

class Comparison {
 public:
  Comparison(const cluster::Cluster& file, const Probed& live)
      : file_(file), live_(live.cluster), features_(live.features), has_map_(live.has_map) {}

  std::vector<Difference> make() {
    compare("nodes", file_.nodes, live_.nodes);
    if (file_.device == "cuda") compare_gpus();
    if (file_.host_memory_gb > 0 && live_.host_memory_gb > 0 &&
        std::abs(file_.host_memory_gb / live_.host_memory_gb - 1) > kMemoryTolerance)
      add("host_memory_gb", text(file_.host_memory_gb), base::number_text(live_.host_memory_gb, 0));
    for (const std::string& feature : file_.slurm.features)
      if (!contains(features_, feature))
        add("slurm.features", feature, features_.empty() ? "none" : base::join(features_, ", "));
    compare_partitions();
    if (has_map_ && !file_.numa.empty()) compare_maps();
    return std::move(list_);
  }

 private:
  static bool contains(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
  }
  void add(const std::string& key, std::string file, std::string cluster) {
    list_.push_back({key, std::move(file), std::move(cluster)});
  }
  template <class T>
  void compare(const std::string& key, const T& file, const T& cluster) {
    if (!(file == cluster)) add(key, text(file), text(cluster));
  }
  void compare_words(const std::string& key, const std::vector<std::string>& file,
                     const std::vector<std::string>& cluster) {
    if (file != cluster) add(key, base::join(file, " "), cluster.empty() ? "none" : base::join(cluster, " "));
  }

  void compare_gpus() {
    compare("device", file_.device, live_.device);
    compare("ranks_per_node", file_.ranks_per_node, live_.ranks_per_node);
    if (!live_.gpu.kind.empty()) compare("gpu.kind", file_.gpu.kind, live_.gpu.kind);
    if (live_.slurm.segments) compare("nvlink.domain_nodes", file_.nvlink.domain_nodes, live_.nvlink.domain_nodes);
    compare("slurm.segments", std::string(file_.slurm.segments ? "true" : "false"),
            std::string(live_.slurm.segments ? "true" : "false"));
  }

  void compare_partitions() {
    const auto limit = [](double value) { return value == 0 ? std::string("none") : text(value); };
    for (const cluster::PartitionLimits& one : file_.partitions) {
      const std::string key = "partitions " + one.name;
      const auto other = std::find_if(live_.partitions.begin(), live_.partitions.end(),
                                      [&](const auto& partition) { return partition.name == one.name; });
      if (other == live_.partitions.end()) {
        add(key, "there", "not there");
        continue;
      }
      compare(key + " nodes", one.nodes, other->nodes);
      compare(key + " max_nodes", limit(static_cast<double>(one.max_nodes)),
              limit(static_cast<double>(other->max_nodes)));
      compare(key + " max_time_min", limit(static_cast<double>(one.max_time_min)),
              limit(static_cast<double>(other->max_time_min)));
      compare(key + " max_memory_gb", limit(std::round(one.max_memory_gb)), limit(std::round(other->max_memory_gb)));
    }
    for (const cluster::PartitionLimits& other : live_.partitions)
      if (!file_.partitions.empty() && std::none_of(file_.partitions.begin(), file_.partitions.end(),
                                                    [&](const auto& one) { return one.name == other.name; }))
        add("partitions " + other.name, "not there", "there");
  }

  void compare_maps() {
    if (file_.numa.size() != live_.numa.size())
      return add("numa", text(file_.numa.size(), " memory nodes"), text(live_.numa.size(), " memory nodes"));
    for (std::size_t i = 0; i < file_.numa.size(); ++i) {
      const cluster::NumaNode& one = file_.numa[i];
      const cluster::NumaNode& other = live_.numa[i];
      const std::string key = text("numa ", one.node, " ");
      const auto numbers = [](const std::vector<std::int64_t>& list) {
        std::vector<std::string> words;
        for (const std::int64_t number : list) words.push_back(std::to_string(number));
        return words;
      };
      compare(key + "node", one.node, other.node);
      compare(key + "socket", one.socket, other.socket);
      compare_words(key + "cpus", one.cpus, other.cpus);
      compare_words(key + "gpus", numbers(one.gpus), numbers(other.gpus));
      compare_words(key + "adapters", one.adapters, other.adapters);
    }
  }

  const cluster::Cluster& file_;
  const cluster::Cluster& live_;
  const std::vector<std::string>& features_;
  bool has_map_;
  std::vector<Difference> list_;
};

}  // namespace

std::vector<Difference> differences(const cluster::Cluster& file, const Probed& live) {
  return Comparison(file, live).make();
}

std::string diff_page(const std::vector<Difference>& differences, const cluster::Cluster& file, const Probed& live) {
  const std::string compared = live.has_map && !file.numa.empty() ? "nodes, limits and the map of this node"
                                                                  : "nodes and limits; no map of a node was compared";
  if (differences.empty()) return text(file.name, ": file and cluster agree in ", compared, "\n");
  std::string page = text(base::left("key", 34), base::left("file", 32), "cluster\n");
  for (const Difference& one : differences) {
    const bool fits = one.file.size() < 32 && one.cluster.size() <= 34;
    page += fits ? text(base::left(one.key, 34), base::left(one.file, 32), one.cluster, "\n")
                 : text(one.key, "\n", base::left("", 6), base::left("file", 9), one.file, "\n", base::left("", 6),
                        base::left("cluster", 9), one.cluster, "\n");
  }
  return page + text("\n", differences.size(), " differ; compared were ", compared, "\n");
}

}  // namespace muster::probe
