// The experts of a layer (spec::FeedForward::experts): a router chooses some of many small feed-forwards for each
// token, and their sum, weighted, is what the layer adds, with what those add that see every token (shared). Letters: T
// tokens, D width, F width of an expert, X experts, L of them on this rank.
#pragma once

#include <optional>

#include "runtime/model/feed_forward.h"
#include "runtime/model/forward_pass.h"
#include "runtime/model/unit_windows.h"

namespace muster::model {

class Experts {
 public:
  /// Finds its weights among those of layer `layer`: the router, and the experts of this rank.
  Experts(const UnitWindows& windows, const spec::ModelFacts& facts, std::int64_t layer,
          const parallel::ExpertLayout& layout);
  /// Returns what the experts add to the stream, from the normed stream. No token is computed twice, and a rank without
  /// tokens takes part all the same. collective: tp, ep.
  at::Tensor forward(const ForwardPass& pass, const at::Tensor& normed_TD) const;

 private:
  at::Tensor routed(const ForwardPass& pass, const at::Tensor& normed_TD) const;

  ops::Param router_XD_, bias_3X_, gate_up_LFD_, down_LDF_;  // gate_up: 2 F rows, those of the gate first
  std::optional<FeedForward> shared_;
};

}  // namespace muster::model
