#include "launcher/cluster/cluster.h"

#include <algorithm>

#include "launcher/cluster/schema.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::cluster {
namespace fs = std::filesystem;
using base::text;

namespace {

void read_environment(spec::TomlReader& reader, Cluster& cluster) {
  spec::TomlReader table = reader.table("environment");
  for (const std::string& name : table.keys()) {
    EnvironmentEntry entry{.name = name, .value = "", .reason = ""};
    spec::TomlReader one = table.table(name);
    one.read("value", entry.value);
    one.read("reason", entry.reason);
    if (!one.has("value") || entry.reason.empty()) {
      reader.faults().add(
          {.what = text("environment.", name, " lacks its ", one.has("value") ? "reason" : "value"),
           .where = table.place(name),
           .fix = text("write ", name, " = { value = \"...\", reason = \"why this cluster needs it\" }")});
    }
    cluster.environment.push_back(std::move(entry));
  }
}

void check_container(const Cluster& cluster, spec::TomlReader& reader, base::Faults& faults) {
  const ContainerFacts& container = cluster.container;
  const std::string where = reader.place("container");
  if (container.kind == ContainerKind::none) {
    if (!container.image.empty() || !container.mounts.empty() || !container.flags.empty())
      faults.add({.what = "[container] without kind has no effect",
                  .where = where,
                  .fix = "set container.kind to \"pyxis\" or \"apptainer\", or take it out"});
    return;
  }
  if (container.image.empty())
    faults.add({.what = "container.image is not given", .where = where, .fix = "a registry's image or a file"});
  for (const std::string& mount : container.mounts) {
    const std::vector<std::string> parts = base::split(mount, ':');
    if (parts.size() < 2 || parts.size() > 3 || !parts[0].starts_with('/') || !parts[1].starts_with('/') ||
        mount.find(',') != std::string::npos)
      faults.add({.what = text("container.mounts: \"", mount, "\" is no mount"),
                  .where = where,
                  .fix = "write \"/source:/target\" or \"/source:/target:ro\", each entry one mount"});
  }
}

void check_partitions(const Cluster& cluster, spec::TomlReader& reader, base::Faults& faults) {
  std::vector<std::string> names;
  for (const PartitionLimits& partition : cluster.partitions) {
    if (partition.name.empty() || std::find(names.begin(), names.end(), partition.name) != names.end())
      faults.add({.what = partition.name.empty() ? "a partition has no name"
                                                 : text("partition \"", partition.name, "\" is there twice"),
                  .where = reader.place("partitions"),
                  .fix = "each [[partitions]] has a name of its own"});
    names.push_back(partition.name);
  }
  const std::string& wanted = cluster.slurm.partition;
  if (names.empty() || wanted.empty() || std::find(names.begin(), names.end(), wanted) != names.end()) return;
  faults.add({.what = text("slurm.partition = \"", wanted, "\", but [[partitions]] lists ", base::join(names, ", ")),
              .where = cluster.places.of("slurm.partition"),
              .fix = "name one of them"});
}

void check_cluster(const Cluster& cluster, spec::TomlReader& reader, base::Faults& faults) {
  const bool has_gpus = cluster.device == "cuda";
  check_map(cluster.numa, cluster.ranks_per_node, has_gpus, reader.place("numa"), faults);
  check_container(cluster, reader, faults);
  if (!cluster.run_root.empty() && !cluster.run_root.starts_with('/'))
    faults.add({.what = text("run_root = \"", cluster.run_root, "\" depends on where it is read"),
                .where = reader.place("run_root"),
                .fix = "begin with /"});
  check_partitions(cluster, reader, faults);
  for (const std::string& line : cluster.setup) {
    if (line.find('\n') != std::string::npos)
      faults.add({.what = "a setup line holds a line break",
                  .where = reader.place("setup"),
                  .fix = "one entry for each line"});
  }
  if (!has_gpus && (reader.has("gpu") || reader.has("nvlink"))) {
    faults.add({.what = "[gpu] and [nvlink] have no effect with device = \"cpu\"",
                .where = reader.place(reader.has("gpu") ? "gpu" : "nvlink"),
                .fix = "take them out"});
  }
  if (cluster.slurm.segments && cluster.nvlink.domain_nodes == 1)
    faults.add({.what = "slurm.segments is set, but an NVLink domain is one node (nvlink.domain_nodes = 1)",
                .where = cluster.places.of("slurm.segments"),
                .fix = "set nvlink.domain_nodes to the nodes of a rack, or take slurm.segments out"});
}

}  // namespace

Cluster parse_cluster(const std::string& content, const std::string& where, const std::string& name) {
  base::Faults faults;
  spec::TomlReader reader = spec::TomlReader::parse(content, where, faults);
  faults.throw_if_any();
  Cluster cluster;
  cluster.name = name;
  cluster.has_slurm = reader.has("slurm");
  cluster.places.file = where;
  spec::ReadVisitor visitor(reader, &cluster.places);
  describe_cluster(visitor, cluster);
  for (spec::TomlReader& table : reader.tables("numa")) {
    spec::ReadVisitor numa(table, nullptr);
    describe_numa(numa, cluster.numa.emplace_back());
  }
  for (spec::TomlReader& table : reader.tables("partitions")) {
    spec::ReadVisitor partition(table, nullptr);
    describe_partition(partition, cluster.partitions.emplace_back());
  }
  read_environment(reader, cluster);
  reader.finish();
  faults.throw_if_any();  // what spans keys is only worth testing when each key is sound
  check_cluster(cluster, reader, faults);
  faults.throw_if_any();
  return cluster;
}

Cluster read_cluster(const std::string& name_or_path, const fs::path& clusters_folder) {
  const fs::path path = is_path(name_or_path) ? fs::path(name_or_path) : clusters_folder / (name_or_path + ".toml");
  if (!is_path(name_or_path) && !base::is_there(path)) {
    const std::vector<std::string> known = names_in(clusters_folder);
    const std::string near = base::nearest(name_or_path, known);
    throw Error::user({.what = text("there is no cluster \"", name_or_path, "\""),
                       .where = clusters_folder.string(),
                       .fix = (near.empty() ? "" : "did you mean \"" + near + "\"? ") +
                              "known: " + base::join(known, ", ") + "; or give the path of a file"});
  }
  return parse_cluster(base::read_file(path), path.string(), path.stem().string());
}

}  // namespace muster::cluster
