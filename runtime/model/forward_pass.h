// What all layers of one forward pass share.
#pragma once

#include "runtime/model/context.h"
#include "runtime/ops/layers.h"
#include "runtime/parallel/expert.h"
#include "runtime/parallel/tensor.h"
#include "runtime/spec/model_facts.h"

namespace muster::model {

/// Held by value where a layer runs again in the backward: it borrows what lives as long as the decoder, and the
/// context, which lives until the backward is over.
struct ForwardPass {
  const spec::ModelFacts& facts;
  comm::Communicator& tp;
  parallel::Tokens tokens;  // what a rank of tp holds of the stream
  const parallel::ExpertLayout& experts;
  const ops::RopeTable& rope;  // of all positions
  at::Tensor positions_T;      // int64, of all tokens
  Context& context;
};

}  // namespace muster::model
