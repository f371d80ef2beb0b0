// Numbers as kernels load and store them: float or bfloat16 in memory, float32 in registers, several at a time.
//
// Kernel bodies stand in headers that both compilers read: nvcc makes device code of them, and the host compiler makes
// the code that tests run thread by thread.
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define MUSTER_BODY __device__ __forceinline__
#else
#define MUSTER_BODY inline
#endif

namespace muster::ops::cuda {

struct Bf16 {
  std::uint16_t bits;
};

/// W neighbours, loaded and stored as one.
template <class T, int W>
struct alignas(sizeof(T) * W) Pack {
  T value[W];
};

MUSTER_BODY float to_float(float value) { return value; }
MUSTER_BODY float to_float(Bf16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value.bits) << 16;
#if defined(__CUDA_ARCH__)
  return __uint_as_float(bits);
#else
  return __builtin_bit_cast(float, bits);
#endif
}

MUSTER_BODY void store(float& place, float value) { place = value; }
/// Rounded to nearest even; NaN stays NaN.
MUSTER_BODY void store(Bf16& place, float value) {
#if defined(__CUDA_ARCH__)
  const std::uint32_t bits = __float_as_uint(value);
#else
  const auto bits = __builtin_bit_cast(std::uint32_t, value);
#endif
  place.bits = static_cast<std::uint16_t>(value != value ? 0x7fc0u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

template <int W, class T>
MUSTER_BODY Pack<T, W> load(const T* from, std::int64_t pack_index) {
  return reinterpret_cast<const Pack<T, W>*>(from)[pack_index];
}
template <int W, class T>
MUSTER_BODY void save(T* to, std::int64_t pack_index, const Pack<T, W>& pack) {
  reinterpret_cast<Pack<T, W>*>(to)[pack_index] = pack;
}

}  // namespace muster::ops::cuda
