#include "runtime/device/memory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <vector>

namespace muster::device {
namespace {

constexpr std::size_t kBytes = 64 << 20;

TEST(Memory, OfACpuFollowsWhatTheProcessTouches) {
  const DeviceMemory before = device_memory({});
  {
    std::vector<char> block(kBytes, 1);
    const DeviceMemory during = device_memory({});
    EXPECT_GE(during.allocated_bytes, before.allocated_bytes + static_cast<std::int64_t>(kBytes) * 9 / 10);
    EXPECT_GE(during.peak_bytes, during.allocated_bytes * 9 / 10);
    EXPECT_GT(during.total_bytes, during.free_bytes);
    EXPECT_EQ(block[5], 1);
  }
  EXPECT_GE(device_memory({}).peak_bytes, before.allocated_bytes + static_cast<std::int64_t>(kBytes) * 9 / 10);
  if (!std::ofstream("/proc/self/clear_refs").is_open())
    GTEST_SKIP() << "this kernel does not let a process reset its peak";
  reset_peak({});
#ifndef __SANITIZE_ADDRESS__  // the sanitizer keeps freed blocks
  EXPECT_LT(device_memory({}).peak_bytes, before.allocated_bytes + static_cast<std::int64_t>(kBytes) / 2);
#endif
}

TEST(Memory, UnsharedIsPartOfResident) {
  const std::vector<char> block(kBytes, 1);
  const HostMemory memory = host_memory(true);
  EXPECT_GE(memory.unshared_bytes, static_cast<std::int64_t>(kBytes));
  EXPECT_LE(memory.unshared_bytes, memory.resident_bytes * 11 / 10);
  EXPECT_EQ(host_memory().unshared_bytes, 0);
  EXPECT_EQ(block[7], 1);
}

}  // namespace
}  // namespace muster::device
