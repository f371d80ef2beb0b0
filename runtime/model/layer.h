// One layer of a decoder: norm, mixer, norm, feed-forward, around the residual stream. Letters: T tokens (of the
// stream: those of this rank), D width.
#pragma once

#include <variant>

#include "runtime/model/attention.h"
#include "runtime/model/experts.h"
#include "runtime/model/feed_forward.h"
#include "runtime/model/latent_attention.h"

namespace muster::model {

/// The residual stream between layers: what is summed already, and what the last part adds to it (undefined before the
/// first layer). The sum is left to the next norm, which makes both in one pass.
struct Residual {
  at::Tensor sum_TD, addend_TD;
};

class Layer {
 public:
  /// Finds the weights of layer `index` of the model. The parts are those that spec::layer_kind names; of its mixers
  /// both kinds of attention are there, families with others are refused by spec::unsupported.
  Layer(const spec::ModelFacts& facts, const WeightSource& source, std::int64_t index, const comm::Communicator& tp,
        const parallel::ExpertLayout& experts);

  std::int64_t index() const { return index_; }
  /// Its two halves, each with the norm before it. collective: tp, of the second ep too.
  Residual mixed(const ForwardPass& pass, const Residual& stream) const;
  Residual fed_forward(const ForwardPass& pass, const Residual& stream) const;
  /// Of its experts alone, with no token: what a rank that has nothing to do computes beside others of ep.
  void take_part(const ForwardPass& pass, const at::Tensor& nothing_0D) const;

 private:
  Layer(const spec::ModelFacts& facts, const UnitWindows& windows, std::int64_t index, const comm::Communicator& tp,
        const parallel::ExpertLayout& experts);

  std::int64_t index_;
  std::variant<Attention, LatentAttention> mixer_;
  std::variant<FeedForward, Experts> feed_forward_;
  ops::Param input_norm_D_, post_norm_D_;
};

}  // namespace muster::model
