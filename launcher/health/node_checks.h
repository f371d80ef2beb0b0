// Is this node fit for a run? Looks and reports; changes nothing but a file of its own in the run root that it removes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "launcher/cluster/cluster.h"
#include "launcher/health/finding.h"
#include "launcher/health/gpu_management.h"

namespace muster::health {

/// What a node must have. Travels to the node as one word of a command. Zeros and empty words: not checked.
struct Wanted {
  std::int64_t gpus = 0;                         // 0: a cluster without
  std::string gpu_kind;                          // "h100"
  double gpu_memory_gb = 0, host_memory_gb = 0;  // 10^9 bytes
  std::int64_t cpus = 0;                         // hardware threads on the map
  std::vector<std::string> adapters;             // of the compute network
  double adapter_gbit_per_s = 0;
  bool nvlink = false;         // the GPUs of a node reach each other by NVLink
  bool shares_fabric = false;  // and those of several nodes
  std::filesystem::path run_root;
  std::string canary;              // a file in the run root that was written elsewhere
  std::filesystem::path binaries;  // muster, muster-runtime, ...
  bool operator==(const Wanted&) const = default;
};
Wanted wanted_of(const cluster::Cluster& cluster, const std::filesystem::path& run_root,
                 const std::filesystem::path& binaries);
std::string wanted_text(const Wanted& wanted);
/// throws: Error::user.
Wanted parse_wanted(const std::string& text);

/// Where a node's facts are read: the machine, or a recorded one in tests.
struct NodeView {
  std::filesystem::path sysfs = "/sys", proc = "/proc", dev = "/dev", temporary = "/tmp", shared_memory = "/dev/shm";
  std::filesystem::path cuda = "/usr/local/cuda";
  std::string management_library = "libnvidia-ml.so.1", verbs_library = "libibverbs.so.1";
};

/// Everything below, as one report of this host. Takes seconds where the binaries are tried. Throws nothing.
Report check_node(const Wanted& wanted, const NodeView& view = {});

using Findings = std::vector<Finding>;
/// Driver, number, kind and memory of GPUs, ECC, rows, clocks, MIG, who else is there, NVLink, fabric.
Findings check_gpus(const Wanted& wanted, const GpuManagement& management, const NodeView& view);
/// Adapters of the compute network, the verbs library.
Findings check_network(const Wanted& wanted, const NodeView& view);
/// Cores, memory, limits of processes.
Findings check_host(const Wanted& wanted, const NodeView& view);
/// The run root, /tmp and /dev/shm.
Findings check_folders(const Wanted& wanted, const NodeView& view);
/// muster-runtime starts, and computes what it should (on the GPU too).
Findings check_binaries(const Wanted& wanted);

}  // namespace muster::health
