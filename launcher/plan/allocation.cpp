#include "launcher/plan/allocation.h"

#include <algorithm>

#include "launcher/plan/limits.h"
#include "launcher/plan/links.h"
#include "launcher/plan/memory_fit.h"
#include "launcher/plan/segments.h"
#include "launcher/plan/slurm_request.h"
#include "runtime/base/text.h"
#include "runtime/spec/memory.h"

namespace muster::plan {

using base::text;

namespace {

/// One role's ranks on node slots from `first_slot` on, as many on each as the last leaves.
struct Block {
  spec::Role role;
  std::int64_t ranks = 0, per_node = 0, first_slot = 0;
  std::int64_t nodes() const { return spec::divided_up(ranks, per_node); }
};

void add_block(const Block& block, const std::vector<cluster::NumaNode>& map, spec::Plan& plan) {
  const auto places = cluster::affinities(map, block.per_node, plan.device == "cuda");
  for (std::int64_t role_rank = 0; role_rank < block.ranks; ++role_rank) {
    spec::RankPlan rank;
    rank.rank = std::ssize(plan.ranks);
    rank.role = block.role;
    rank.node_slot = block.first_slot + role_rank / block.per_node;
    rank.local_rank = role_rank % block.per_node;
    rank.device = rank.local_rank;
    if (block.role != spec::Role::generate) rank.train_rank = role_rank;
    if (block.role != spec::Role::train) rank.gen_rank = role_rank;
    if (!places.empty()) {
      const cluster::Affinity& place = places[rank.local_rank];
      rank.cpus = place.cpus;
      rank.memory_node = place.memory_node;
      rank.adapter = place.adapter;
    }
    plan.ranks.push_back(std::move(rank));
  }
}

/// Dense peak of one GPU in the type that the model computes in.
double peak_tflops(const cluster::GpuFacts& gpu, spec::DataType dtype) {
  switch (dtype) {
    case spec::DataType::fp32:
      return gpu.fp32_tflops;
    case spec::DataType::bf16:
      return gpu.bf16_tflops;
    case spec::DataType::fp8:
      return gpu.fp8_tflops;
  }
  return 0;
}

void warn_of_idle_gpus(const cluster::Cluster& cluster, const spec::Plan& plan, std::vector<std::string>& warnings) {
  if (cluster.device != "cuda") return;
  const std::int64_t gpus = (plan.num_nodes - plan.job.placement.spares) * cluster.ranks_per_node;
  const std::int64_t idle = gpus - std::ssize(plan.ranks);
  if (idle > 0) warnings.push_back(text(idle, " of ", gpus, " GPUs have nothing to do"));
}

/// Of families that run; attention with latent keys has kernels of its own.
void warn_of_heads(const cluster::Cluster& cluster, const spec::Plan& plan, std::vector<std::string>& warnings) {
  const std::int64_t width = plan.model.head_dim;
  if (cluster.device != "cuda" || plan.model.kv_lora_rank > 0 || width == 0 || width == 64 || width == 128) return;
  warnings.push_back(text("GPUs take heads of 64 or 128 and those of this model have ", width,
                          ": it will be refused there (the tiny job for GPUs is reverse-digits-gpu)"));
}

/// Ranks of a full node. Too many are a fault, and the most is taken, so that the rest of the job is checked as well.
std::int64_t ranks_per_node(const spec::Job& job, const cluster::Cluster& cluster, const spec::KeyPlaces& places,
                            base::Faults& faults) {
  const std::int64_t asked = job.placement.ranks_per_node;
  if (asked > cluster.ranks_per_node)
    faults.add({.what = text("placement.ranks_per_node = ", asked, ", but a node of cluster ", cluster.name, " has ",
                             cluster.ranks_per_node),
                .where = places.of("placement.ranks_per_node"),
                .fix = "lower it, or leave it out"});
  return asked > 0 ? std::min(asked, cluster.ranks_per_node) : cluster.ranks_per_node;
}

/// The roles one after the other. A number of generator nodes that cannot be is a fault, and as many as needed are
/// taken.
std::vector<Block> blocks_of(const spec::Job& job, std::int64_t per_node, const spec::KeyPlaces& places,
                             base::Faults& faults) {
  const std::int64_t train = spec::train_ranks(job);
  const std::int64_t gen = spec::gen_ranks(job);
  if (job.placement.mode == spec::PlacementMode::colocated)
    return {{spec::Role::both, train, std::min(train, per_node), 0}};
  const Block trainer{spec::Role::train, train, std::min(train, per_node), 0};
  const std::int64_t needed = spec::divided_up(gen, per_node);
  std::int64_t gen_nodes = job.placement.gen_nodes > 0 ? job.placement.gen_nodes : needed;
  if (gen_nodes < needed || gen_nodes > gen) {
    faults.add({.what = text("placement.gen_nodes = ", gen_nodes, " with ", per_node, " ranks a node holds ", gen_nodes,
                             " to ", gen_nodes * per_node, " ranks, but gen tp ", job.gen.tp, " x pp ", job.gen.pp,
                             " x dp ", job.gen.dp, " = ", gen),
                .where = places.of("placement.gen_nodes"),
                .fix = text("set placement.gen_nodes = ", needed, ", or leave it out")});
    gen_nodes = needed;
  }
  return {trainer, {spec::Role::generate, gen, spec::divided_up(gen, gen_nodes), trainer.nodes()}};
}

constexpr std::int64_t kMostRanks = 1 << 16;  // beyond, a plan that is refused anyway is not laid out

}  // namespace

void allocate(const cluster::Cluster& cluster, const spec::KeyPlaces& places, spec::Plan& plan, base::Faults& faults,
              std::vector<std::string>& warnings) {
  const spec::Job& job = plan.job;
  plan.cluster = cluster.name;
  plan.device = cluster.device;
  plan.peak_tflops = peak_tflops(cluster.gpu, job.model.dtype);
  plan.train = spec::train_degrees(job);
  plan.generate = spec::gen_degrees(job);
  const std::int64_t per_node = ranks_per_node(job, cluster, places, faults);
  const std::vector<Block> blocks = blocks_of(job, per_node, places, faults);
  std::int64_t ranks = 0;
  plan.num_nodes = job.placement.spares;
  plan.ranks_per_node = 1;
  for (const Block& block : blocks) {
    ranks += block.ranks;
    plan.num_nodes += block.nodes();
    plan.ranks_per_node = std::max(plan.ranks_per_node, block.per_node);
  }
  if (plan.num_nodes > cluster.nodes)
    faults.add({.what = text(ranks, " ranks at ", per_node, " a node",
                             job.placement.spares > 0 ? text(" and ", job.placement.spares, " spares") : "", " need ",
                             plan.num_nodes, " nodes, but cluster ", cluster.name, " has ", cluster.nodes),
                .where = places.file,
                .fix = "lower the degrees, or choose another cluster with --cluster"});
  if (cluster.has_slurm) check_limits(plan, cluster, cluster.partitions, faults, warnings);
  const bool is_whole = blocks.size() == 2 || ranks == spec::gen_ranks(job);
  if (!is_whole || (ranks > kMostRanks && !faults.empty())) return;  // the faults are told already
  for (const Block& block : blocks) add_block(block, cluster.numa, plan);
  choose_segment(cluster, places, plan, faults, warnings);
  if (cluster.has_slurm) check_request(plan, cluster, places, faults, warnings);
  warn_of_links(plan, cluster, warnings);
  warn_of_idle_gpus(cluster, plan, warnings);
  warn_of_heads(cluster, plan, warnings);
  if (faults.empty()) check_memory(cluster, places, plan, faults, warnings);
}

std::vector<spec::EnvironmentValue> environment_of(const spec::Job& job, const cluster::Cluster& cluster) {
  std::vector<spec::EnvironmentValue> environment;
  const auto set = [&](const std::string& name, const std::string& value, const std::string& origin) {
    const auto found =
        std::find_if(environment.begin(), environment.end(), [&](const auto& entry) { return entry.name == name; });
    if (found == environment.end()) {
      environment.push_back({name, value, origin});
    } else {
      *found = {name, value, origin};
    }
  };
  const bool is_cuda = cluster.device == "cuda";
  if (is_cuda) {
    set("CUDA_DEVICE_ORDER", "PCI_BUS_ID", "default: device numbers follow the slots");
    set("NCCL_DEBUG", "WARN", "default: errors only");
  }
  const std::string origin = "cluster " + cluster.name;
  if (!cluster.interface.empty()) {
    set("GLOO_SOCKET_IFNAME", cluster.interface, origin + ": interface");
    if (is_cuda) set("NCCL_SOCKET_IFNAME", cluster.interface, origin + ": interface");
  }
  // Among others a node has adapters of storage and management; the ranks' nearest are on the map.
  const std::vector<std::string> adapters = cluster::adapters_of(cluster.numa);
  if (is_cuda && !adapters.empty())
    set("NCCL_IB_HCA", "=" + base::join(adapters, ","), origin + ": the adapters of its map, the compute network's");
  for (const cluster::EnvironmentEntry& entry : cluster.environment) {
    if (!is_cuda && (entry.name.starts_with("NCCL_") || entry.name.starts_with("CUDA_"))) continue;
    set(entry.name, entry.value, origin + ": " + entry.reason);
  }
  for (const char* name : {"OMP_NUM_THREADS", "MKL_NUM_THREADS"})
    set(name, std::to_string(job.threads), "job: threads");
  return environment;
}

}  // namespace muster::plan
