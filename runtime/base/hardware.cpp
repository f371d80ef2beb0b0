#include "runtime/base/hardware.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <sstream>

#include "runtime/base/cpu_list.h"
#include "runtime/base/text.h"

namespace muster::base {
namespace fs = std::filesystem;
namespace {

/// The trimmed content of a file; "" when it is not there.
std::string content(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return trim(text.str());
}

int number(const std::string& word, int otherwise) {
  std::istringstream stream(word);
  int value = otherwise;
  return stream >> value ? value : otherwise;
}

/// "mlx5_10" -> ("mlx5_", 10), so that 10 comes after 9.
std::pair<std::string, int> order_of(const std::string& name) {
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  return {name.substr(0, digits), number(name.substr(digits), -1)};
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code ignored;  // a folder that is not there has none
  for (const auto& entry : fs::directory_iterator(folder, ignored)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end(), [](const fs::path& a, const fs::path& b) {
    return order_of(a.filename().string()) < order_of(b.filename().string());
  });
  return paths;
}

PciDevice device_at(const fs::path& link, const fs::path& sysfs) {
  std::error_code ignored;
  const fs::path real = fs::weakly_canonical(link, ignored);
  return {.address = real.filename().string(),
          .memory_node = number(content(real / "numa_node"), -1),
          .path = real.lexically_relative(fs::weakly_canonical(sysfs, ignored))};
}

/// The CPUs of each core, by hardware thread.
std::vector<std::vector<int>> threads_of(const std::vector<int>& cpus, const fs::path& sysfs) {
  std::vector<std::vector<int>> threads;
  for (const int cpu : cpus) {
    const fs::path file = sysfs / "devices/system/cpu" / text("cpu", cpu) / "topology/thread_siblings_list";
    std::vector<int> core = parse_cpu_list(content(file)).value_or(std::vector<int>{cpu});
    std::sort(core.begin(), core.end());
    if (core.front() != cpu) continue;  // a further thread of a core that was met
    threads.resize(std::max(threads.size(), core.size()));
    for (std::size_t thread = 0; thread < core.size(); ++thread) threads[thread].push_back(core[thread]);
  }
  return threads;
}

}  // namespace

std::vector<MemoryNode> memory_nodes(const fs::path& sysfs) {
  std::vector<MemoryNode> nodes;
  for (const fs::path& path : entries(sysfs / "devices/system/node")) {
    const std::string name = path.filename().string();
    if (!name.starts_with("node")) continue;
    const std::vector<int> cpus = parse_cpu_list(content(path / "cpulist")).value_or(std::vector<int>{});
    if (cpus.empty()) continue;
    const fs::path package = sysfs / "devices/system/cpu" / text("cpu", cpus.front()) / "topology/physical_package_id";
    nodes.push_back({.node = number(name.substr(4), 0),
                     .socket = number(content(package), 0),
                     .cpus = cpus,
                     .threads = threads_of(cpus, sysfs)});
  }
  return nodes;
}

std::vector<PciDevice> gpus(const fs::path& sysfs) {
  std::vector<PciDevice> devices;
  for (const fs::path& link : entries(sysfs / "bus/pci/devices"))
    if (content(link / "vendor") == "0x10de" && content(link / "class").starts_with("0x03"))
      devices.push_back(device_at(link, sysfs));
  std::sort(devices.begin(), devices.end(),
            [](const PciDevice& a, const PciDevice& b) { return a.address < b.address; });
  return devices;
}

std::vector<NetworkAdapter> network_adapters(const fs::path& sysfs) {
  std::vector<NetworkAdapter> adapters;
  for (const fs::path& path : entries(sysfs / "class/infiniband")) {
    const fs::path port = path / "ports/1";
    adapters.push_back({.name = path.filename().string(),
                        .link_layer = content(port / "link_layer"),
                        .is_active = content(port / "state").find("ACTIVE") != std::string::npos,
                        .gbit_per_s = static_cast<double>(number(content(port / "rate"), 0)),
                        .device = device_at(path / "device", sysfs)});
  }
  return adapters;
}

int shared_bridges(const PciDevice& a, const PciDevice& b) {
  int shared = 0;
  auto left = a.path.begin();
  for (auto right = b.path.begin(); left != a.path.end() && right != b.path.end() && *left == *right; ++left, ++right)
    ++shared;
  return shared;
}

}  // namespace muster::base
