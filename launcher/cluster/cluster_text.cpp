// A cluster as the file that reads back equal, and the list of its keys.
#include <nlohmann/json.hpp>

#include "launcher/cluster/schema.h"
#include "runtime/spec/toml_text.h"

namespace muster::cluster {
namespace {

using nlohmann::ordered_json;

/// `value` without what is as in `defaults`, at both levels.
ordered_json differences(const ordered_json& value, const ordered_json& defaults) {
  ordered_json kept = ordered_json::object();
  for (const auto& [key, entry] : value.items()) {
    if (entry == defaults.at(key)) continue;
    kept[key] = entry.is_object() ? differences(entry, defaults.at(key)) : entry;
  }
  return kept;
}

template <class T, class Describe>
ordered_json tree_of(const T& value, const Describe& describe) {
  spec::ValueVisitor visitor, defaults;
  describe(visitor, value);
  describe(defaults, T{});
  return differences(visitor.root, defaults.root);
}

}  // namespace

std::string cluster_text(const Cluster& cluster, const std::vector<std::string>& head) {
  ordered_json tree = tree_of(cluster, [](auto& v, const Cluster& c) { describe_cluster(v, c); });
  if (!tree.contains("device")) tree["device"] = cluster.device;  // said even where it is the default
  if (cluster.has_slurm && !tree.contains("slurm")) tree["slurm"] = ordered_json::object();
  for (const NumaNode& numa : cluster.numa) {
    spec::ValueVisitor visitor;  // every key: a reader should not have to know that node and socket begin at 0
    describe_numa(visitor, numa);
    tree["numa"].push_back(std::move(visitor.root));
  }
  for (const PartitionLimits& partition : cluster.partitions)
    tree["partitions"].push_back(
        tree_of(partition, [](auto& v, const PartitionLimits& p) { describe_partition(v, p); }));
  std::string page;
  for (const std::string& line : head) page += "# " + line + "\n";
  page += spec::toml_text(tree);
  if (!cluster.environment.empty()) page += "\n[environment]\n";
  for (const EnvironmentEntry& entry : cluster.environment)
    page += entry.name + " = " + spec::toml_value({{"value", entry.value}, {"reason", entry.reason}}) + "\n";
  return page;
}

std::vector<spec::KeyInfo> cluster_keys() {
  spec::KeyVisitor visitor;
  const Cluster defaults;
  const NumaNode numa;
  const PartitionLimits partition;
  describe_cluster(visitor, defaults);
  visitor.table("[numa]", "");  // printed as [[numa]]: a table for each
  describe_numa(visitor, numa);
  visitor.table("[partitions]", "");
  describe_partition(visitor, partition);
  visitor.keys.push_back({.key = "environment.NAME",
                          .type = "{ value, reason }",
                          .unit = "",
                          .fallback = "",
                          .meaning = "a name of every rank's environment, and why",
                          .range = ""});
  return visitor.keys;
}

}  // namespace muster::cluster
