// The keys of a cluster file, described once: reader, writer and `muster keys --cluster` are made from it. Within
// launcher/cluster.
#pragma once

#include "launcher/cluster/cluster.h"
#include "runtime/spec/visitors.h"

namespace muster::spec {

template <>
struct Choices<cluster::GpuRequest> {
  static constexpr std::array kNames{"none", "gpus_per_node", "gres"};
};
template <>
struct Choices<cluster::ContainerKind> {
  static constexpr std::array kNames{"none", "pyxis", "apptainer"};
};

}  // namespace muster::spec

namespace muster::cluster {

template <class Visitor, class C>
void describe_gpu(Visitor& v, C& gpu) {
  using spec::kAny;
  using spec::within;
  v.table("gpu", "one GPU");
  v.key("kind", gpu.kind, kAny, "", "also the type in --gres=gpu:kind:N");
  v.key("memory_gb", gpu.memory_gb, within(0, 1e5), "GB", "memory as the driver reports it, in 10^9 bytes");
  v.key("memory_gb_per_s", gpu.memory_gb_per_s, within(0, 1e6), "GB/s", "bandwidth of its memory");
  v.key("fp32_tflops", gpu.fp32_tflops, within(0, 1e6), "TFLOP/s", "peak in FP32, without tensor cores");
  v.key("bf16_tflops", gpu.bf16_tflops, within(0, 1e6), "TFLOP/s", "dense peak, the divisor of the MFU; 0: not known");
  v.key("fp8_tflops", gpu.fp8_tflops, within(0, 1e6), "TFLOP/s", "dense peak in FP8");
  v.key("fp4_tflops", gpu.fp4_tflops, within(0, 1e6), "TFLOP/s", "dense peak in FP4; 0: it has none");
}

template <class Visitor, class C>
void describe_slurm(Visitor& v, C& slurm) {
  using spec::kAny;
  v.table("slurm", "how Slurm is asked");
  v.key("partition", slurm.partition, kAny, "", "empty: the default one");
  v.key("account", slurm.account, kAny, "", "empty: the user's own");
  v.key("qos", slurm.qos, kAny, "", "quality of service");
  v.key("reservation", slurm.reservation, kAny, "", "name of a reservation");
  v.key("nodelist", slurm.nodelist, kAny, "", "hosts that a job must have");
  v.key("exclude", slurm.exclude, kAny, "", "hosts that it must not have");
  v.key("comment", slurm.comment, kAny, "", "a word for Slurm's records");
  v.key("time_limit_min", slurm.time_limit_min, spec::within(1, 1e6), "min", "of the job");
  v.key("gpu_request", slurm.gpu_request, kAny, "",
        "--gpus-per-node=N, --gres=gpu:kind:N, or whole nodes without asking");
  v.key("exclusive", slurm.exclusive, kAny, "", "whole nodes");
  v.key("segments", slurm.segments, kAny, "",
        "Slurm has topology/block (24.05 and later): --segment keeps groups of nodes in one NVLink domain");
  v.key("features", slurm.features, kAny, "", "of the nodes, all of them asked for with --constraint");
  v.key("sbatch_flags", slurm.sbatch_flags, kAny, "", "more flags of sbatch, as it takes them");
  v.key("srun_flags", slurm.srun_flags, kAny, "", "more flags of the srun that starts the node agents");
}

/// Every key but the lists of tables and [environment], whose keys are names.
template <class Visitor, class C>
void describe_cluster(Visitor& v, C& cluster) {
  using spec::kAny;
  using spec::within;
  v.key("device", cluster.device, spec::one_of({"cpu", "cuda"}), "",
        "cpu: ranks are plain processes; GPUs asked for and the core count are ignored");
  v.key("nodes", cluster.nodes, within(1, 65536), "nodes", "that one run may have");
  v.key("ranks_per_node", cluster.ranks_per_node, within(1, 4096), "ranks", "most ranks of one node; on cuda its GPUs");
  v.key("host_memory_gb", cluster.host_memory_gb, within(0, 1e6), "GB",
        "memory of a node's host, in 10^9 bytes; 0: not known");
  v.key("interface", cluster.interface, kAny, "", "network interface between ranks; empty: what the libraries choose");
  v.key("run_root", cluster.run_root, kAny, "",
        "folder in which runs get their folders; empty: runs/ where the command is typed");
  v.key("setup", cluster.setup, kAny, "", "lines of the batch script before the launcher takes over");
  describe_gpu(v, cluster.gpu);
  v.table("nvlink", "GPUs that reach each other by NVLink");
  v.key("gb_per_s", cluster.nvlink.gb_per_s, within(0, 1e6), "GB/s", "of one GPU, both directions together");
  v.key("domain_nodes", cluster.nvlink.domain_nodes, within(1, 4096), "nodes",
        "whose GPUs form one NVLink domain; 18 in an NVL72 rack");
  v.table("network", "between nodes");
  v.key("adapter_gbit_per_s", cluster.network.adapter_gbit_per_s, within(0, 1e6), "Gbit/s",
        "of one adapter, one direction");
  v.table("container", "where agent and ranks run; the supervisor is on the host");
  v.key("kind", cluster.container.kind, kAny, "", "pyxis: flags of srun; apptainer: `apptainer exec` before the agent");
  v.key("image", cluster.container.image, kAny, "", "of a registry or a file, as pyxis or apptainer takes it");
  v.key("mounts", cluster.container.mounts, kAny, "",
        "\"/source:/target[:ro]\"; the folders of run, binaries, model and data are added");
  v.key("flags", cluster.container.flags, kAny, "", "more flags of pyxis (on srun) or of `apptainer exec`");
  describe_slurm(v, cluster.slurm);
}

template <class Visitor, class N>
void describe_numa(Visitor& v, N& numa) {
  using spec::kAny;
  v.key("node", numa.node, spec::within(0, 1023), "", "the memory (NUMA) node as the kernel numbers it");
  v.key("socket", numa.socket, spec::within(0, 255), "", "processor package");
  v.key("cpus", numa.cpus, kAny, "", "one list for each hardware thread of the cores: [\"0-55\", \"112-167\"]");
  v.key("gpus", numa.gpus, kAny, "", "GPUs on it, numbered in the order of the PCI bus");
  v.key("adapters", numa.adapters, kAny, "", "of the compute network, in the order of gpus");
}

template <class Visitor, class P>
void describe_partition(Visitor& v, P& partition) {
  using spec::within;
  v.key("name", partition.name, spec::kAny, "", "as --partition takes it");
  v.key("is_default", partition.is_default, spec::kAny, "", "the one that Slurm takes when none is named");
  v.key("nodes", partition.nodes, within(0, 65536), "nodes", "that it has; 0: not known");
  v.key("max_nodes", partition.max_nodes, within(0, 65536), "nodes", "of one job; 0: no limit");
  v.key("max_time_min", partition.max_time_min, within(0, 1e7), "min", "of one job; 0: no limit");
  v.key("max_memory_gb", partition.max_memory_gb, within(0, 1e6), "GB", "of one job on a node; 0: no limit");
}

}  // namespace muster::cluster
