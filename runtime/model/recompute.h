// Activation recomputation: what runs again in the backward keeps its input alone.
#pragma once

#include "runtime/model/layer.h"
#include "runtime/spec/job.h"

namespace muster::model {

/// Both halves of a layer. Of those that `recompute` names (attention the first, mlp the second, full both as one) the
/// whole stream before it is kept and nothing else. The layer lives until the backward is over.
/// collective: tp, those of the context; what is computed again makes its calls again in the backward.
Residual layer_forward(const Layer& layer, const ForwardPass& pass, const Residual& stream, spec::Recompute recompute);

}  // namespace muster::model
