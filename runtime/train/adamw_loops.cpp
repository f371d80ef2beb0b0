// One body, inlined into a function of each instruction level. Compiled with -O3 -fno-math-errno (a square root that
// sets errno is not a vector instruction).
#include "runtime/train/adamw_loops.h"

namespace muster::train {
namespace {

#define MUSTER_BODY [[gnu::always_inline]] static inline

MUSTER_BODY void update_body(float* __restrict main, float* __restrict first, float* __restrict second,
                             const float* __restrict gradients, std::int64_t count, const AdamwFactors factors) {
  for (std::int64_t i = 0; i < count; ++i) {
    float first_moment = first[i], second_moment = second[i];
    main[i] = adamw_element(main[i], first_moment, second_moment, gradients[i], factors);
    first[i] = first_moment;
    second[i] = second_moment;
  }
}

MUSTER_BODY void round_body(const float* __restrict values, std::uint16_t* __restrict rounded, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const auto bits = __builtin_bit_cast(std::uint32_t, values[i]);
    const bool is_nan = (bits & 0x7fffffffu) > 0x7f800000u;
    rounded[i] = static_cast<std::uint16_t>(is_nan ? 0x7fc0u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  }
}

/// Blocks that stay in the first cache between the two bodies.
MUSTER_BODY void update_bf16_body(float* main, float* first, float* second, const float* gradients,
                                  std::uint16_t* weights, std::int64_t count, const AdamwFactors& factors) {
  constexpr std::int64_t kBlock = 1024;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t length = count - begin < kBlock ? count - begin : kBlock;
    update_body(main + begin, first + begin, second + begin, gradients + begin, length, factors);
    round_body(main + begin, weights + begin, length);
  }
}

MUSTER_BODY double square_sum_body(const float* __restrict values, std::int64_t count) {
  constexpr int kLanes = 16;
  double sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      sums[lane] += value * value;
    }
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  for (; i < count; ++i) total += static_cast<double>(values[i]) * values[i];
  return total;
}

#define MUSTER_LOOPS(level, attributes)                                                                            \
  namespace level {                                                                                                \
  attributes void update(float* main, float* first, float* second, const float* gradients, std::int64_t count,     \
                         const AdamwFactors& factors) {                                                            \
    update_body(main, first, second, gradients, count, factors);                                                   \
  }                                                                                                                \
  attributes void update_bf16(float* main, float* first, float* second, const float* gradients,                    \
                              std::uint16_t* weights, std::int64_t count, const AdamwFactors& factors) {           \
    update_bf16_body(main, first, second, gradients, weights, count, factors);                                     \
  }                                                                                                                \
  attributes double square_sum(const float* values, std::int64_t count) { return square_sum_body(values, count); } \
  constexpr AdamwLoops kLoops{update, update_bf16, square_sum};                                                    \
  }

MUSTER_LOOPS(v2, )
#if defined(__x86_64__)
MUSTER_LOOPS(v3, [[gnu::target("arch=x86-64-v3")]])
MUSTER_LOOPS(v4, [[gnu::target("arch=x86-64-v4")]])
#endif

}  // namespace

const AdamwLoops& adamw_loops() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return v4::kLoops;
  if (__builtin_cpu_supports("x86-64-v3")) return v3::kLoops;
#endif
  return v2::kLoops;
}

}  // namespace muster::train
