// A float32 as three numbers of bf16: how a store of one type holds the few numbers that must keep all their digits.
#pragma once

#include <ATen/core/Tensor.h>

namespace muster::weights {

/// values_X float32 -> float32 [3, X], each a number that bf16 has, whose sum in order is the value, bit for bit (but
/// for what lies below the smallest numbers of bf16).
at::Tensor parts_of_floats(const at::Tensor& values_X);
/// parts_3X in any type -> float32 [X].
at::Tensor floats_of_parts(const at::Tensor& parts_3X);

}  // namespace muster::weights
