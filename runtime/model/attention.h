// Grouped-query attention: one of the mixers of a layer (spec::Mixer::attention). Letters: T tokens, D width, H query
// heads and K key/value heads of this rank, E head width, O rows of a fused matrix.
#pragma once

#include "runtime/model/forward_pass.h"
#include "runtime/model/unit_windows.h"

namespace muster::model {

class Attention {
 public:
  /// Finds its weights among those of layer `layer`; heads are cut over tp.
  Attention(const UnitWindows& windows, const spec::ModelFacts& facts, std::int64_t layer,
            const comm::Communicator& tp);
  /// Returns what attention adds to the stream, from the normed stream. collective: tp.
  at::Tensor forward(const ForwardPass& pass, const at::Tensor& normed_TD) const;

 private:
  std::int64_t layer_, num_heads_, num_kv_heads_;
  ops::Param qkv_OD_, qkv_bias_O_, q_norm_E_, k_norm_E_, o_DO_;
};

}  // namespace muster::model
