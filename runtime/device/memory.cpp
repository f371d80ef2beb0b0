#include "runtime/device/memory.h"

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace muster::device {
namespace {

/// Sum of the kB figures of the lines of a /proc file that begin with `name`.
std::int64_t figure_of(const char* path, std::string_view name) {
  std::ifstream file(path);
  std::int64_t bytes = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, name.size(), name) != 0) continue;
    std::istringstream rest(line.substr(name.size()));
    std::int64_t kib = 0;
    rest >> kib;
    bytes += kib * 1024;
  }
  return bytes;
}

}  // namespace

HostMemory host_memory(bool with_unshared) {
  HostMemory memory{.resident_bytes = figure_of("/proc/self/status", "VmRSS:"),
                    .peak_resident_bytes = figure_of("/proc/self/status", "VmHWM:")};
  if (with_unshared)
    memory.unshared_bytes =
        figure_of("/proc/self/smaps_rollup", "Private_Clean:") + figure_of("/proc/self/smaps_rollup", "Private_Dirty:");
  return memory;
}

DeviceMemory device_memory(const Device& device) {
  DeviceMemory memory;
  if (!device.is_cuda()) {
    const HostMemory host = host_memory();
    memory.allocated_bytes = memory.reserved_bytes = host.resident_bytes;
    memory.peak_bytes = host.peak_resident_bytes;
    memory.free_bytes = figure_of("/proc/meminfo", "MemAvailable:");
    memory.total_bytes = figure_of("/proc/meminfo", "MemTotal:");
    return memory;
  }
  std::size_t free_bytes = 0, total_bytes = 0;
  CUDA_CHECK(*device.cuda, memory_info(&free_bytes, &total_bytes));
  device.cuda->allocator_bytes(device.index, &memory.allocated_bytes, &memory.peak_bytes, &memory.reserved_bytes);
  memory.free_bytes = static_cast<std::int64_t>(free_bytes);
  memory.total_bytes = static_cast<std::int64_t>(total_bytes);
  return memory;
}

void reset_peak(const Device& device) {
  if (device.is_cuda())
    device.cuda->allocator_reset_peak(device.index);
  else
    std::ofstream("/proc/self/clear_refs") << "5";  // resets VmHWM; a kernel that refuses keeps the old peak
}

}  // namespace muster::device
