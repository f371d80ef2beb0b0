// How much memory a rank holds: its device's, and its own on the host.
#pragma once

#include <cstdint>

#include "runtime/device/stream.h"

namespace muster::device {

/// On a GPU `allocated` and `peak` are ATen's allocator's; on a CPU the resident set of the process (VmRSS, VmHWM).
struct DeviceMemory {
  std::int64_t allocated_bytes = 0;
  std::int64_t peak_bytes = 0;      // since reset_peak, or since the start
  std::int64_t reserved_bytes = 0;  // on a GPU with the allocator's free blocks; on a CPU the same as allocated
  std::int64_t free_bytes = 0;      // on a GPU what the driver has left; on a CPU MemAvailable
  std::int64_t total_bytes = 0;
};

/// throws: Error::cluster.
DeviceMemory device_memory(const Device& device);
/// Starts `peak_bytes` again from what is allocated now (on a CPU through /proc/self/clear_refs).
void reset_peak(const Device& device);

/// This process alone.
struct HostMemory {
  std::int64_t resident_bytes = 0;       // VmRSS
  std::int64_t peak_resident_bytes = 0;  // VmHWM
  std::int64_t unshared_bytes = 0;       // USS: pages that no other process maps; 0 unless asked, it walks every page
};
HostMemory host_memory(bool with_unshared = false);

}  // namespace muster::device
