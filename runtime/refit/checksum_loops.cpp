// The loops of the checksum, compiled with -O3 for three instruction levels.
#include "runtime/refit/checksum.h"

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define MUSTER_LEVELS [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define MUSTER_LEVELS
#endif

namespace muster::refit {
namespace {

template <class Bits>
[[gnu::always_inline]] inline std::uint64_t sum_of(const Bits* bits, std::int64_t count, std::uint64_t first) {
  std::uint64_t sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint64_t key = (first + static_cast<std::uint64_t>(i) + 1) * 0x9E3779B97F4A7C15;
    key = (key ^ (key >> 32)) * 0xD6E8FEB86659FD93;
    key = (key ^ (key >> 32)) | 1;
    sum += key * std::uint64_t{bits[i]};
  }
  return sum;
}

}  // namespace

MUSTER_LEVELS std::uint64_t checksum_of_run(const std::uint32_t* bits, std::int64_t count, std::uint64_t first) {
  return sum_of(bits, count, first);
}
MUSTER_LEVELS std::uint64_t checksum_of_run(const std::uint16_t* bits, std::int64_t count, std::uint64_t first) {
  return sum_of(bits, count, first);
}

}  // namespace muster::refit
