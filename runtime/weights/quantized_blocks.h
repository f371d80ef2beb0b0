// Weights in FP8 (e4m3) with a scale for each block of 128 x 128, as DeepSeek-V3 is published. Blocks at the edges are
// smaller: kv_a_proj_with_mqa has 576 rows. transformers on the CPU takes other blocks there, and is no judge.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/spec/parameters.h"

namespace muster::weights {

inline constexpr std::int64_t kBlock = 128;

/// The name of the tensor that holds the scales of `tensor`.
std::string scales_name(const std::string& tensor);
/// The shape of the scales of a matrix: one for each block, also those at the edges.
std::vector<std::int64_t> scales_shape(const std::vector<std::int64_t>& matrix);
/// The blocks that a box of the matrix touches, as a box of the scales.
spec::Box blocks_of(const spec::Box& box);
/// quantized: the box of the matrix; scales: those of blocks_of(box) -> float32 of the box.
at::Tensor dequantized(const at::Tensor& quantized, const at::Tensor& scales, const spec::Box& box);

}  // namespace muster::weights
