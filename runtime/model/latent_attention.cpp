// Down to latents, their norms, the collective of tp on them (they are narrower than the stream), up to heads,
// rotation, the context's attention, the output matrix. Letters as in the header.
#include "runtime/model/latent_attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "runtime/base/text.h"
#include "runtime/comm/communicator.h"
#include "runtime/model/rope.h"
#include "runtime/ops/flops.h"
#include "runtime/ops/turn_pairs.h"
#include "runtime/spec/parameters.h"

namespace muster::model {
namespace {

constexpr double kLatentEps = 1e-6;  // of the norms of latents, whatever rms_norm_eps says

at::Tensor normed(const at::Tensor& latent, const ops::Param& weight) {
  return ops::rms_norm(latent.contiguous(), weight, kLatentEps);
}

/// x_THI times a matrix of each head: weight_HIJ -> [T, H, J]. Without gradient.
at::Tensor by_head(const at::Tensor& x_THI, const at::Tensor& weight_HIJ) {
  ops::count_product(x_THI.size(0) * x_THI.size(1), x_THI.size(2), weight_HIJ.size(2));
  return at::bmm(x_THI.transpose(0, 1), weight_HIJ).transpose(0, 1);
}

}  // namespace

LatentAttention::LatentAttention(const UnitWindows& windows, const spec::ModelFacts& facts, std::int64_t layer,
                                 const comm::Communicator& tp)
    : layer_(layer),
      num_heads_(spec::query_heads_of(facts, tp.size(), tp.rank()).size()),
      factor_(latent_score_factor(facts)) {
  const std::string self = base::text("model.layers.", layer, ".self_attn.");
  const std::string kv = self + "kv_a_proj_with_mqa.weight";
  const bool has_query_latent = facts.q_lora_rank > 0;
  down_OD_ = windows.rows(has_query_latent ? self + "q_a_proj.weight" : kv, kv);
  if (has_query_latent) q_norm_Q_ = windows.one(self + "q_a_layernorm.weight");
  kv_norm_L_ = windows.one(self + "kv_a_layernorm.weight");
  q_OQ_ = windows.one(self + (has_query_latent ? "q_b_proj.weight" : "q_proj.weight"));
  kv_OL_ = windows.one(self + "kv_b_proj.weight");
  o_DO_ = windows.one(self + "o_proj.weight");
}

LatentAttention::Parts LatentAttention::parts_of(const ForwardPass& pass, const at::Tensor& normed_TD) const {
  const spec::ModelFacts& facts = pass.facts;
  const std::int64_t Q = facts.q_lora_rank, L = facts.kv_lora_rank, N = facts.qk_nope_head_dim,
                     R = facts.qk_rope_head_dim;
  std::vector<at::Tensor> own = ops::linear(normed_TD, down_OD_, {}).split_with_sizes({Q, L, R}, 1);
  if (Q > 0) own[0] = normed(own[0], q_norm_Q_);
  own[1] = normed(own[1], kv_norm_L_);
  const std::vector<at::Tensor> all =
      parallel::all_tokens(pass.tp, pass.tokens, at::cat(own, 1)).split_with_sizes({Q, L, R}, 1);
  at::Tensor q_TO = Q > 0 ? ops::linear(all[0].contiguous(), q_OQ_, {})
                          : parallel::column_linear(pass.tp, pass.tokens, normed_TD, q_OQ_, {});
  if (factor_ != 1) q_TO = q_TO * factor_;
  const std::vector<at::Tensor> q = q_TO.view({-1, num_heads_, N + R}).split_with_sizes({N, R}, 2);
  return {.q_THN = q[0],
          .q_THR = ops::turn_pairs(q[1], pass.rope, pass.positions_T),
          .latent_TL = all[1].contiguous(),
          .key_T1R = ops::turn_pairs(all[2].unsqueeze(1), pass.rope, pass.positions_T)};
}

at::Tensor LatentAttention::decompressed(const ForwardPass& pass, const Parts& parts) const {
  const std::int64_t N = pass.facts.qk_nope_head_dim, R = pass.facts.qk_rope_head_dim, V = pass.facts.v_head_dim,
                     width = std::max(N + R, V);
  // Attention has one width for keys and values: the narrower ones are filled up with zeros.
  const auto filled = [&](const at::Tensor& x) { return at::constant_pad_nd(x, {0, width - x.size(2)}); };
  const std::vector<at::Tensor> kv =
      ops::linear(parts.latent_TL, kv_OL_, {}).view({-1, num_heads_, N + V}).split_with_sizes({N, V}, 2);
  const at::Tensor key_THR = parts.key_T1R.expand({-1, num_heads_, R});
  const double widened = std::sqrt(static_cast<double>(width) / static_cast<double>(N + R));
  at::Tensor q_THE = filled(at::cat({parts.q_THN, parts.q_THR}, 2));
  if (width > N + R) q_THE = q_THE * widened;
  return pass.context.attend(layer_, q_THE, filled(at::cat({kv[0], key_THR}, 2)), filled(kv[1])).narrow(2, 0, V);
}

at::Tensor LatentAttention::absorbed(const ForwardPass& pass, const Parts& parts) const {
  const std::int64_t N = pass.facts.qk_nope_head_dim, L = pass.facts.kv_lora_rank, R = pass.facts.qk_rope_head_dim,
                     V = pass.facts.v_head_dim;
  const at::Tensor kv_HOL = kv_OL_.value.view({num_heads_, N + V, L});
  const at::Tensor q_THC = at::cat({by_head(parts.q_THN, kv_HOL.narrow(1, 0, N)), parts.q_THR}, 2);
  const at::Tensor latent_TC = at::cat({parts.latent_TL, parts.key_T1R.squeeze(1)}, 1);
  const double scale = std::sqrt(static_cast<double>(L + R) / static_cast<double>(N + R));
  const at::Tensor o_THL = pass.context.attend_latents(layer_, q_THC * scale, latent_TC).narrow(2, 0, L);
  return by_head(o_THL, kv_HOL.narrow(1, N, V).transpose(1, 2));
}

at::Tensor LatentAttention::forward(const ForwardPass& pass, const at::Tensor& normed_TD) const {
  const Parts parts = parts_of(pass, normed_TD);
  const at::Tensor o_THV = pass.context.keeps_latents() ? absorbed(pass, parts) : decompressed(pass, parts);
  return parallel::sum_rows(pass.tp, pass.tokens, ops::linear(o_THV.reshape({o_THV.size(0), -1}), o_DO_, {}),
                            "layer.attention");
}

}  // namespace muster::model
