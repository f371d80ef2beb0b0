// Rotation by position of neighbouring elements, as latent attention turns the rotated part of its heads. Letters: T
// tokens, H heads, R width of what is turned.
#pragma once

#include "runtime/ops/layers.h"

namespace muster::ops {

/// x_THR: element 2i turns with 2i + 1 by the angle i of the token's position, in float32 within -> [T, H, R]. With
/// backward. rope: of width R. positions_T int64.
at::Tensor turn_pairs(const at::Tensor& x_THR, const RopeTable& rope, const at::Tensor& positions_T);

}  // namespace muster::ops
