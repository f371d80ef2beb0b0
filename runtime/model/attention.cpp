// Queries, keys and values by one matrix; norms of heads where the family has them; rotation; the context's attention;
// the output matrix, whose partial sums are added over tp.
#include "runtime/model/attention.h"

#include <ATen/ATen.h>

#include "runtime/base/text.h"
#include "runtime/comm/communicator.h"
#include "runtime/spec/parameters.h"

namespace muster::model {

Attention::Attention(const UnitWindows& windows, const spec::ModelFacts& facts, std::int64_t layer,
                     const comm::Communicator& tp)
    : layer_(layer),
      num_heads_(spec::query_heads_of(facts, tp.size(), tp.rank()).size()),
      num_kv_heads_(spec::kv_heads_of(facts, tp.size(), tp.rank()).size()) {
  const std::string self = base::text("model.layers.", layer, ".self_attn.");
  qkv_OD_ = windows.rows(self + "q_proj.weight", self + "v_proj.weight");
  if (facts.attention_bias) qkv_bias_O_ = windows.rows(self + "q_proj.bias", self + "v_proj.bias");
  if (facts.qk_norm) {
    q_norm_E_ = windows.one(self + "q_norm.weight");
    k_norm_E_ = windows.one(self + "k_norm.weight");
  }
  o_DO_ = windows.one(self + "o_proj.weight");
}

at::Tensor Attention::forward(const ForwardPass& pass, const at::Tensor& normed_TD) const {
  const at::Tensor qkv_TO = parallel::column_linear(pass.tp, pass.tokens, normed_TD, qkv_OD_, qkv_bias_O_);
  const ops::Heads heads = ops::split_heads(qkv_TO, num_heads_, num_kv_heads_, pass.facts.head_dim, q_norm_E_,
                                            k_norm_E_, pass.facts.rms_norm_eps, pass.rope, pass.positions_T);
  const at::Tensor o_THE = pass.context.attend(layer_, heads.q_THE, heads.k_TKE, heads.v_TKE);
  return parallel::sum_rows(pass.tp, pass.tokens, ops::linear(o_THE.flatten(1), o_DO_, {}), "layer.attention");
}

}  // namespace muster::model
