// The launches of AdamW and of the sum of squares: pointers in, nothing waits. `stream` is a cudaStream_t; a
// cudaError_t comes back.
#pragma once

#include <cstdint>

#include "runtime/train/adamw_element.h"

namespace muster::train::cuda {

/// weights_bf16: null where the main weights are the weights.
int launch_adamw(float* main, float* first, float* second, const float* gradients, std::uint16_t* weights_bf16,
                 std::int64_t count, const AdamwFactors& factors, void* stream);

inline constexpr std::int64_t kSquareSumParts = 1024;
/// parts: kSquareSumParts doubles, whose sum is the sum of squares; the same parts for the same count.
int launch_square_sum(const float* values, std::int64_t count, double* parts, void* stream);

}  // namespace muster::train::cuda
