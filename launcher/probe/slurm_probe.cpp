#include "launcher/probe/slurm_probe.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "launcher/probe/node_probe.h"
#include "launcher/slurm/host_list.h"
#include "runtime/base/text.h"

namespace muster::probe {
using base::text;

namespace {

/// MiB to 10^9 bytes, as precise as people write it.
double gigabytes(std::int64_t mebibytes) { return std::round(static_cast<double>(mebibytes) * 1048576e-8) / 10; }

class Probe {
 public:
  Probe(slurm::Queries& queries, const ProbeRequest& request) : queries_(queries), request_(request) {}

  Probed make() {
    queries_.ping();
    read_partitions();
    nodes_ = queries_.nodes(slurm::expand_hosts(partition_.nodes));
    read_nodes();
    read_known_figures();
    read_blocks();
    read_map();
    return std::move(probed_);
  }

 private:
  void note(std::string line) { probed_.notes.push_back(std::move(line)); }

  void read_partitions() {
    std::vector<std::string> names;
    bool is_found = false;
    for (const slurm::PartitionFacts& facts : queries_.partitions()) {
      names.push_back(facts.name);
      probed_.cluster.partitions.push_back(limits_of(facts));
      if (request_.partition.empty() ? !facts.is_default : facts.name != request_.partition) continue;
      partition_ = facts;
      is_found = true;
    }
    if (!is_found)
      throw Error::user({.what = request_.partition.empty() ? "Slurm has no default partition"
                                                            : text("Slurm has no partition '", request_.partition, "'"),
                         .where = "",
                         .fix = text("--partition with one of ", base::join(names, ", "))});
    if (partition_.nodes.empty())
      throw Error::user({.what = text("partition ", partition_.name, " has no nodes"),
                         .where = "",
                         .fix = text("--partition with one of ", base::join(names, ", "))});
    cluster::Cluster& cluster = probed_.cluster;
    cluster.has_slurm = true;
    cluster.slurm.partition = partition_.name;
    const std::int64_t most_min = partition_.max_time_s == slurm::kUnlimited ? 0 : partition_.max_time_s / 60;
    if (most_min > 0) cluster.slurm.time_limit_min = std::min(cluster.slurm.time_limit_min, most_min);
  }

  /// The kind of node that the partition has most of; the others are told of.
  void read_nodes() {
    const auto kind = [](const slurm::NodeFacts& node) {
      const slurm::GpuGres gpus = slurm::parse_gpu_gres(node.gres);
      return text(gpus.count, " GPUs", gpus.kind.empty() ? "" : " " + gpus.kind, ", ", node.memory_mb, " MiB",
                  node.features.empty() ? "" : ", features " + node.features);
    };
    std::map<std::string, std::vector<std::string>> kinds;
    for (const slurm::NodeFacts& node : nodes_) kinds[kind(node)].push_back(node.name);
    const auto most = std::max_element(kinds.begin(), kinds.end(),
                                       [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    note(text("Partition ", partition_.name, ": ", nodes_.size(), " nodes ", partition_.nodes, ", each ", most->first,
              "."));
    for (const auto& [other, names] : kinds)
      if (other != most->first) note(text("Not like the others: ", slurm::compress_hosts(names), " with ", other, "."));
    sample_ = *std::find_if(nodes_.begin(), nodes_.end(),
                            [&](const slurm::NodeFacts& node) { return kind(node) == most->first; });
    cluster::Cluster& cluster = probed_.cluster;
    cluster.nodes = std::ssize(nodes_);
    cluster.host_memory_gb = gigabytes(sample_.memory_mb);
    if (!sample_.features.empty()) probed_.features = base::split(sample_.features, ',');
    const bool is_limited = partition_.max_memory_mb > 0 && partition_.max_memory_mb < sample_.memory_mb;
    cluster.slurm.sbatch_flags = {is_limited ? text("--mem=", partition_.max_memory_mb, "M") : "--mem=0"};
    const slurm::GpuGres gpus = slurm::parse_gpu_gres(sample_.gres);
    if (gpus.count == 0)
      return note(
          "No GPUs in gres: device = \"cpu\"; set it to \"cuda\" where nodes have some, and gpu_request stays "
          "\"none\".");
    cluster.device = "cuda";
    cluster.ranks_per_node = gpus.count;
    cluster.gpu.kind = gpus.kind;
    cluster.slurm.gpu_request = gpus.kind.empty() ? cluster::GpuRequest::gpus_per_node : cluster::GpuRequest::gres;
  }

  /// What Slurm cannot tell of a GPU is the same wherever it stands.
  void read_known_figures() {
    cluster::Cluster& cluster = probed_.cluster;
    if (cluster.device == "cpu") return;
    for (const cluster::Cluster& known : request_.known) {
      if (known.gpu.kind != cluster.gpu.kind || cluster.gpu.kind.empty()) continue;
      cluster.gpu = known.gpu;
      cluster.nvlink = known.nvlink;
      cluster.network = known.network;
      cluster.environment = known.environment;
      cluster.setup = known.setup;
      return note(text("[gpu], [nvlink], [network], [environment] and setup as in cluster ", known.name,
                       ", which has the same GPUs."));
    }
    note(text("No shipped cluster has GPUs of kind \"", cluster.gpu.kind, "\": fill in [gpu], [nvlink], [network]."));
  }

  void read_blocks() {
    cluster::Cluster& cluster = probed_.cluster;
    const bool is_rack = cluster.nvlink.domain_nodes > 1;
    const std::vector<slurm::BlockFacts> blocks = queries_.blocks();
    if (blocks.empty()) {
      if (is_rack) note("Slurm has no topology/block: no segments are asked for, groups may lie in two racks.");
      return;
    }
    note(text("topology/block: ", blocks.size(), " blocks of ", blocks[0].size, " nodes."));
    if (!is_rack) return;
    cluster.nvlink.domain_nodes = blocks[0].size;
    cluster.slurm.segments = true;
  }

  void read_map() {
    cluster::Cluster& cluster = probed_.cluster;
    const bool is_here = std::any_of(nodes_.begin(), nodes_.end(), [&](const slurm::NodeFacts& node) {
      return node.host == request_.host || node.name == request_.host;
    });
    const std::string how =
        text("srun -N1 -p ", partition_.name, " muster cluster probe --partition ", partition_.name);
    if (!is_here)
      return note(text("No map of a node ([[numa]]): ", request_.host, " is none of them. On a node: ", how));
    const NodeProbe node = probe_node(request_.sysfs);
    std::int64_t gpus = 0;
    for (const cluster::NumaNode& numa : node.numa) gpus += std::ssize(numa.gpus);
    const std::int64_t wanted = cluster.device == "cuda" ? cluster.ranks_per_node : 0;
    if (gpus != wanted)
      return note(text("No map of a node ([[numa]]): Slurm says ", wanted, " GPUs a node, but on ", request_.host,
                       " the kernel shows ", gpus, "."));
    cluster.numa = node.numa;
    probed_.has_map = true;
    if (node.adapter_gbit_per_s > 0) cluster.network.adapter_gbit_per_s = node.adapter_gbit_per_s;
    if (!node.has_infiniband && cluster.device == "cuda") {
      std::erase_if(cluster.environment, [](const auto& entry) { return entry.name == "NCCL_NET"; });
      note(
          "No InfiniBand was seen: name NCCL's network (NCCL_NET) in [environment], so that it cannot fall back "
          "unseen.");
    }
    note(text("The map of the node is that of ", request_.host, "."));
  }

  slurm::Queries& queries_;
  const ProbeRequest& request_;
  Probed probed_;
  slurm::PartitionFacts partition_;
  std::vector<slurm::NodeFacts> nodes_;
  slurm::NodeFacts sample_;
};

}  // namespace

cluster::PartitionLimits limits_of(const slurm::PartitionFacts& facts) {
  const auto limit = [](std::int64_t value) { return std::max<std::int64_t>(value, 0); };
  return {.name = facts.name,
          .is_default = facts.is_default,
          .nodes = facts.total_nodes,
          .max_nodes = limit(facts.max_nodes),
          .max_time_min = limit(facts.max_time_s) / 60,
          .max_memory_gb = gigabytes(limit(facts.max_memory_mb))};
}

Probed probe_cluster(slurm::Queries& queries, const ProbeRequest& request) { return Probe(queries, request).make(); }

}  // namespace muster::probe
