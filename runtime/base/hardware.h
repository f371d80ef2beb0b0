// What the kernel says of the node it runs on: memory nodes, cores, GPUs and network adapters, from sysfs. `sysfs` is
// /sys, or a recorded tree in tests.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace muster::base {

/// A memory (NUMA) node that has cores; those without (the memory of a GPU on Grace) are left out.
struct MemoryNode {
  int node = 0;
  int socket = 0;  // processor package of its first core
  std::vector<int> cpus;
  std::vector<std::vector<int>> threads;  // by hardware thread: the CPUs of the cores, in the order of the cores
};

/// One PCI device with its place.
struct PciDevice {
  std::string address;         // 0000:18:00.0
  int memory_node = -1;        // -1: the firmware does not say
  std::filesystem::path path;  // of its bridges, from the root of the tree
};

struct NetworkAdapter {
  std::string name;        // mlx5_0
  std::string link_layer;  // InfiniBand or Ethernet
  bool is_active = false;  // its first port
  double gbit_per_s = 0;   // of its first port
  PciDevice device;
};

/// In the order of their numbers.
std::vector<MemoryNode> memory_nodes(const std::filesystem::path& sysfs = "/sys");
/// NVIDIA's devices of PCI class 03xx, in the order of the bus, which is CUDA's under CUDA_DEVICE_ORDER=PCI_BUS_ID.
std::vector<PciDevice> gpus(const std::filesystem::path& sysfs = "/sys");
/// Adapters with verbs, by name, numbers as numbers.
std::vector<NetworkAdapter> network_adapters(const std::filesystem::path& sysfs = "/sys");
/// Bridges that two devices share on their way from the root: the more, the nearer.
int shared_bridges(const PciDevice& a, const PciDevice& b);

}  // namespace muster::base
