#include "launcher/cluster/cluster.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/visitors.h"

namespace muster::spec {

template <>
struct Choices<cluster::GpuRequest> {
  static constexpr std::array kNames{"none", "gpus_per_node", "gres"};
};

}  // namespace muster::spec

namespace muster::cluster {
namespace fs = std::filesystem;
using base::text;

namespace {

/// Every key but the table [environment], whose keys are names.
template <class Visitor, class C>
void describe_cluster(Visitor& v, C& cluster) {
  using spec::kAny;
  using spec::within;
  v.key("device", cluster.device, spec::one_of({"cpu", "cuda"}), "",
        "cpu: ranks are plain processes; GPUs asked for and the core count are ignored");
  v.key("nodes", cluster.nodes, within(1, 65536), "nodes", "that one run may have");
  v.key("ranks_per_node", cluster.ranks_per_node, within(1, 4096), "ranks", "most ranks of one node; on cuda its GPUs");
  v.key("interface", cluster.interface, kAny, "", "network interface between ranks; empty: what the libraries choose");
  v.key("cpus", cluster.cpus, kAny, "", "CPUs of each local rank, such as \"0-13,112-125\"; empty: not bound");
  v.key("setup", cluster.setup, kAny, "", "lines of the batch script before the launcher takes over");
  v.table("gpu", "one GPU");
  v.key("kind", cluster.gpu.kind, kAny, "", "also the type in --gres=gpu:kind:N");
  v.key("memory_gb", cluster.gpu.memory_gb, within(0, 1e5), "GB", "memory");
  v.key("bf16_tflops", cluster.gpu.bf16_tflops, within(0, 1e6), "TFLOP/s",
        "dense peak, the divisor of the MFU; 0: not known");
  v.key("fp8_tflops", cluster.gpu.fp8_tflops, within(0, 1e6), "TFLOP/s", "dense peak in FP8");
  v.table("slurm", "how Slurm is asked");
  v.key("partition", cluster.slurm.partition, kAny, "", "empty: the default one");
  v.key("account", cluster.slurm.account, kAny, "", "empty: the user's own");
  v.key("qos", cluster.slurm.qos, kAny, "", "quality of service");
  v.key("reservation", cluster.slurm.reservation, kAny, "", "name of a reservation");
  v.key("time_limit_min", cluster.slurm.time_limit_min, within(1, 1e6), "min", "of the job");
  v.key("gpu_request", cluster.slurm.gpu_request, kAny, "",
        "--gpus-per-node=N, --gres=gpu:kind:N, or whole nodes without asking");
  v.key("exclusive", cluster.slurm.exclusive, kAny, "", "whole nodes");
  v.key("sbatch_flags", cluster.slurm.sbatch_flags, kAny, "", "more flags of sbatch, as it takes them");
  v.key("srun_flags", cluster.slurm.srun_flags, kAny, "", "more flags of the srun that starts the node agents");
}

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

void check_cluster(const Cluster& cluster, spec::TomlReader& reader, base::Faults& faults) {
  if (!cluster.cpus.empty() && static_cast<std::int64_t>(cluster.cpus.size()) < cluster.ranks_per_node) {
    faults.add({.what = text("cpus lists ", cluster.cpus.size(),
                             " local ranks, but ranks_per_node = ", cluster.ranks_per_node),
                .where = reader.place("cpus"),
                .fix = "one entry for each local rank, or none"});
  }
  for (const std::string& list : cluster.cpus) parse_cpus(list, reader.place("cpus"), faults);
  for (const std::string& line : cluster.setup) {
    if (line.find('\n') != std::string::npos)
      faults.add({.what = "a setup line holds a line break",
                  .where = reader.place("setup"),
                  .fix = "one entry for each line"});
  }
  if (cluster.device == "cpu" && cluster.gpu.bf16_tflops == 0 && !cluster.gpu.kind.empty()) {
    faults.add({.what = text("gpu.kind = \"", cluster.gpu.kind, "\" has no effect with device = \"cpu\""),
                .where = reader.place("gpu"),
                .fix = "take it out"});
  }
}

}  // namespace

namespace {

/// "7" or "0-13" -> first and last; none when it is neither.
std::optional<std::pair<int, int>> parse_range(const std::string& part) {
  std::vector<int> ends;
  for (const std::string& word : base::split(part, '-')) {
    int cpu = -1;
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), cpu);
    if (code != std::errc() || end != word.data() + word.size() || cpu < 0 || cpu > 65535) return {};
    ends.push_back(cpu);
  }
  if (ends.size() > 2 || ends.back() < ends.front()) return {};
  return std::pair(ends.front(), ends.back());
}

}  // namespace

std::vector<int> parse_cpus(const std::string& list, const std::string& where, base::Faults& faults) {
  std::vector<int> cpus;
  for (const std::string& part : base::split(list, ',')) {
    const auto range = parse_range(part);
    if (!range) {
      faults.add({.what = text("\"", list, "\" is no list of CPUs"), .where = where, .fix = "write \"0-13,112-125\""});
      return {};
    }
    for (int cpu = range->first; cpu <= range->second; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

Cluster parse_cluster(const std::string& content, const std::string& where, const std::string& name) {
  base::Faults faults;
  spec::TomlReader reader = spec::TomlReader::parse(content, where, faults);
  faults.throw_if_any();
  Cluster cluster;
  cluster.name = name;
  cluster.has_slurm = reader.has("slurm");
  spec::ReadVisitor visitor(reader, nullptr);
  describe_cluster(visitor, cluster);
  read_environment(reader, cluster);
  reader.finish();
  check_cluster(cluster, reader, faults);
  faults.throw_if_any();
  return cluster;
}

Cluster read_cluster(const std::string& name_or_path, const fs::path& clusters_folder) {
  const fs::path path = is_path(name_or_path) ? fs::path(name_or_path) : clusters_folder / (name_or_path + ".toml");
  if (!is_path(name_or_path) && !fs::exists(path)) {
    const std::vector<std::string> known = names_in(clusters_folder);
    const std::string near = base::nearest(name_or_path, known);
    throw Error::user({.what = text("there is no cluster \"", name_or_path, "\""),
                       .where = clusters_folder.string(),
                       .fix = (near.empty() ? "" : "did you mean \"" + near + "\"? ") +
                              "known: " + base::join(known, ", ") + "; or give the path of a file"});
  }
  return parse_cluster(base::read_file(path), path.string(), path.stem().string());
}

std::vector<spec::KeyInfo> cluster_keys() {
  spec::KeyVisitor visitor;
  const Cluster defaults;
  describe_cluster(visitor, defaults);
  visitor.keys.push_back({.key = "environment.NAME",
                          .type = "{ value, reason }",
                          .unit = "",
                          .fallback = "",
                          .meaning = "a name of every rank's environment, and why",
                          .range = ""});
  return visitor.keys;
}

}  // namespace muster::cluster
