// The loops of AdamW's CPU form over pointers, without a tensor library; compiled for several instruction levels and
// chosen at start.
#pragma once

#include <cstdint>

#include "runtime/train/adamw_element.h"

namespace muster::train {

struct AdamwLoops {
  void (*update)(float* main, float* first, float* second, const float* gradients, std::int64_t count,
                 const AdamwFactors& factors);
  /// As update, and writes the weights as bfloat16 bits, rounded to nearest even.
  void (*update_bf16)(float* main, float* first, float* second, const float* gradients, std::uint16_t* weights,
                      std::int64_t count, const AdamwFactors& factors);
  double (*square_sum)(const float* values, std::int64_t count);
};

/// The loops for this CPU.
const AdamwLoops& adamw_loops();

}  // namespace muster::train
