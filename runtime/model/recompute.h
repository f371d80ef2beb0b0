// Activation recomputation: a layer keeps its input alone, and runs again in the backward.
#pragma once

#include "runtime/model/layer.h"

namespace muster::model {

/// Layer::forward, of which the sum of the stream alone is kept. The layer lives until the backward is over.
/// collective: tp (forward, and again in the backward).
Residual recomputed_forward(const Layer& layer, const ForwardPass& pass, const Residual& stream);

}  // namespace muster::model
