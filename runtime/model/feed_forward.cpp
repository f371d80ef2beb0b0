#include "runtime/model/feed_forward.h"

#include <ATen/ATen.h>

namespace muster::model {

FeedForward::FeedForward(const UnitWindows& windows, const std::string& at)
    : gate_up_2FD_(windows.rows(at + "gate_proj.weight", at + "up_proj.weight")),
      down_DF_(windows.one(at + "down_proj.weight")) {}

at::Tensor FeedForward::forward(const ForwardPass& pass, const at::Tensor& normed_TD) const {
  const at::Tensor gate_up_T2F = parallel::column_linear(pass.tp, pass.tokens, normed_TD, gate_up_2FD_, {});
  return parallel::sum_rows(pass.tp, pass.tokens, ops::linear(ops::swiglu(gate_up_T2F), down_DF_, {}),
                            "layer.feed_forward");
}

}  // namespace muster::model
