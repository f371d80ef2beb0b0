// Hooks around the use of a unit's weights: the source hears when a unit is used in the forward, and again in the
// backward, where the use ends at its beginning. Weights that are always there have no hooks, and return what they were
// given.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/model/layer.h"

namespace muster::model {

/// Returns x, which the unit reads first: its weights are there from now on, and after its backward.
at::Tensor begin_unit(WeightSource& source, Unit unit, const at::Tensor& x);
/// Returns x, which the unit gave last.
at::Tensor end_unit(WeightSource& source, Unit unit, const at::Tensor& x);
Residual begin_unit(WeightSource& source, Unit unit, const Residual& stream);
Residual end_unit(WeightSource& source, Unit unit, const Residual& stream);

}  // namespace muster::model
