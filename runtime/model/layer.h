// One layer of a decoder: norm, mixer, norm, feed-forward, around the residual stream. Letters: T tokens (of the
// stream: those of this rank), D width.
#pragma once

#include "runtime/model/attention.h"
#include "runtime/model/feed_forward.h"

namespace muster::model {

/// The residual stream between layers: what is summed already, and what the last part adds to it (undefined before the
/// first layer). The sum is left to the next norm, which makes both in one pass.
struct Residual {
  at::Tensor sum_TD, addend_TD;
};

class Layer {
 public:
  /// Finds the weights of layer `index` of the model. The parts are those that spec::layer_kind names; of its kinds
  /// attention and dense are there, other families are refused by spec::unsupported.
  Layer(const spec::ModelFacts& facts, const WeightSource& source, std::int64_t index, const comm::Communicator& tp);

  std::int64_t index() const { return index_; }
  /// Its two halves, each with the norm before it. collective: tp.
  Residual mixed(const ForwardPass& pass, const Residual& stream) const;
  Residual fed_forward(const ForwardPass& pass, const Residual& stream) const;

 private:
  Layer(const spec::ModelFacts& facts, const UnitWindows& windows, std::int64_t index, const comm::Communicator& tp);

  std::int64_t index_;
  Attention attention_;
  FeedForward feed_forward_;
  ops::Param input_norm_D_, post_norm_D_;
};

}  // namespace muster::model
