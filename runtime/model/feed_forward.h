// The dense feed-forward of a layer (spec::FeedForward::dense), and the experts that see every token: gate and up by
// one matrix, SwiGLU, down. Letters: T tokens, D width, F feed-forward width (cut over tp).
#pragma once

#include "runtime/model/forward_pass.h"
#include "runtime/model/unit_windows.h"

namespace muster::model {

class FeedForward {
 public:
  /// Finds its weights under the names that begin with `at`: "model.layers.3.mlp.".
  FeedForward(const UnitWindows& windows, const std::string& at);
  /// Returns what the feed-forward adds to the stream, from the normed stream. collective: tp.
  at::Tensor forward(const ForwardPass& pass, const at::Tensor& normed_TD) const;

 private:
  ops::Param gate_up_2FD_, down_DF_;
};

}  // namespace muster::model
