// CUDA forms of the layers' operations: outputs allocated, kernels launched on ATen's current stream.
// Letters: N rows, D width, T tokens, H query heads, K key/value heads, E head width, F feed-forward width, V
// vocabulary rows.
#include <ATen/ATen.h>

#include "runtime/base/error.h"
#include "runtime/ops/cuda/forms.h"
#include "runtime/ops/cuda/launch.h"
#include "runtime/ops/cuda/tensors.h"

namespace muster::ops::cuda {
namespace {

at::Tensor floats(const at::Tensor& like, at::IntArrayRef shape) {
  return at::empty(shape, like.options().dtype(at::kFloat));
}
at::Tensor dense(const at::Tensor& tensor) { return tensor.defined() ? tensor.contiguous() : tensor; }

/// A gradient that a kernel adds to: float32, or a float32 copy whose difference is added afterwards by add_back.
at::Tensor as_float_gradient(const at::Tensor& grad) {
  return grad.scalar_type() == at::kFloat && grad.is_contiguous()
             ? grad
             : at::zeros(grad.sizes(), grad.options().dtype(at::kFloat));
}
void add_back(at::Tensor& grad, const at::Tensor& floats) {
  if (!grad.is_same(floats)) grad.add_(floats);
}

}  // namespace

at::Tensor embedding_forward(const at::Tensor& tokens_T, const at::Tensor& weight_VD) {
  const at::Tensor inside = (tokens_T >= 0) & (tokens_T < weight_VD.size(0));
  return weight_VD.index_select(0, tokens_T.where(inside, at::zeros_like(tokens_T)))
      .masked_fill(~inside.unsqueeze(1), 0);
}

void embedding_backward(const at::Tensor& tokens_T, const at::Tensor& dx_TD, at::Tensor& grad_VD) {
  if (!grad_VD.defined()) return;
  const at::Tensor inside = (tokens_T >= 0) & (tokens_T < grad_VD.size(0));
  const at::Tensor rows = dx_TD.to(grad_VD.scalar_type()).masked_fill(~inside.unsqueeze(1), 0);
  // Sorted by row, so that the order of the sums does not change from run to run (index_add_ would use atomics).
  grad_VD.index_put_({tokens_T.where(inside, at::zeros_like(tokens_T))}, rows, true);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> rms_norm_forward(const at::Tensor& residual_ND, const at::Tensor& x_ND,
                                                                const at::Tensor& weight_D, double eps) {
  const at::Tensor residual = dense(residual_ND), x = dense(x_ND), weight = dense(weight_D);
  const std::int64_t rows = x.size(0);
  const at::Tensor sum = residual.defined() ? at::empty_like(x) : x, normed = at::empty_like(x),
                   rstd_N = floats(x, {rows});
  if (rows == 0) return {sum, normed, rstd_N};
  for_type("rms_norm", x.scalar_type(), [&]<class T>(T) {
    const NormLoop<T> loop{.residual_ND = read<T>(residual),
                           .x_ND = read<T>(x),
                           .weight_D = read<T>(weight),
                           .sum_ND = residual.defined() ? write<T>(sum) : nullptr,
                           .normed_ND = write<T>(normed),
                           .rstd_N = write<float>(rstd_N),
                           .D = x.size(1),
                           .eps = static_cast<float>(eps)};
    check_launch(launch_rms_norm(loop, rows, stream_of(x)), "rms_norm");
  });
  return {sum, normed, rstd_N};
}

at::Tensor rms_norm_backward(const at::Tensor& dnormed_ND, const at::Tensor& dsum_ND, const at::Tensor& sum_ND,
                             const at::Tensor& weight_D, const at::Tensor& rstd_N, at::Tensor& grad_D) {
  const at::Tensor dnormed = dense(dnormed_ND), dsum = dense(dsum_ND), sum = dense(sum_ND), weight = dense(weight_D);
  const at::Tensor dx = at::empty_like(sum);
  const std::int64_t rows = sum.size(0), D = sum.size(1);
  if (rows == 0) return dx;
  for_type("rms_norm_backward", sum.scalar_type(), [&]<class T>(T) {
    const NormBackwardLoop<T> loop{.dnormed_ND = read<T>(dnormed),
                                   .dsum_ND = read<T>(dsum),
                                   .sum_ND = read<T>(sum),
                                   .weight_D = read<T>(weight),
                                   .rstd_N = read<float>(rstd_N),
                                   .dx_ND = write<T>(dx),
                                   .N = rows,
                                   .D = D};
    check_launch(launch_rms_norm_backward(loop, stream_of(sum)), "rms_norm_backward");
    if (!grad_D.defined()) return;
    const at::Tensor grad = as_float_gradient(grad_D), partials_CD = floats(sum, {norm_weight_chunks(rows), D});
    check_launch(launch_rms_norm_weight(loop, write<float>(partials_CD), write<float>(grad), stream_of(sum)),
                 "rms_norm_backward");
    add_back(grad_D, grad);
  });
  return dx;
}

at::Tensor swiglu_forward(const at::Tensor& gate_up_T2F) {
  const at::Tensor gate_up = dense(gate_up_T2F);
  const std::int64_t rows = gate_up.size(0), F = gate_up.size(1) / 2;
  const at::Tensor y = at::empty({rows, F}, gate_up.options());
  if (rows == 0) return y;
  for_type("swiglu", gate_up.scalar_type(), [&]<class T>(T) {
    check_launch(launch_swiglu(read<T>(gate_up), write<T>(y), rows, F, stream_of(y)), "swiglu");
  });
  return y;
}

at::Tensor swiglu_backward(const at::Tensor& dy_TF, const at::Tensor& gate_up_T2F) {
  const at::Tensor dy = dense(dy_TF), gate_up = dense(gate_up_T2F), dgate_up = at::empty_like(gate_up);
  const std::int64_t rows = gate_up.size(0), F = gate_up.size(1) / 2;
  if (rows == 0) return dgate_up;
  for_type("swiglu_backward", gate_up.scalar_type(), [&]<class T>(T) {
    check_launch(launch_swiglu_backward(read<T>(dy), read<T>(gate_up), write<T>(dgate_up), rows, F, stream_of(dy)),
                 "swiglu_backward");
  });
  return dgate_up;
}

Heads split_heads_forward(const at::Tensor& qkv, const HeadShape& shape, const at::Tensor& q_norm_E,
                          const at::Tensor& k_norm_E, const RopeTable& rope, const at::Tensor& positions_T) {
  const at::Tensor rows = dense(qkv), q_norm = dense(q_norm_E), k_norm = dense(k_norm_E);
  const std::int64_t tokens = rows.size(0);
  const Heads heads{at::empty({tokens, shape.num_heads, shape.head_dim}, rows.options()),
                    at::empty({tokens, shape.num_kv_heads, shape.head_dim}, rows.options()),
                    at::empty({tokens, shape.num_kv_heads, shape.head_dim}, rows.options())};
  if (tokens == 0) return heads;
  for_type("split_heads", rows.scalar_type(), [&]<class T>(T) {
    const HeadsLoop<T> loop{.tokens = tokens,
                            .num_heads = shape.num_heads,
                            .num_kv_heads = shape.num_kv_heads,
                            .head_dim = shape.head_dim,
                            .eps = static_cast<float>(shape.eps),
                            .q_norm_E = read<T>(q_norm),
                            .k_norm_E = read<T>(k_norm),
                            .cos_PE2 = read<float>(rope.cos_PE2),
                            .sin_PE2 = read<float>(rope.sin_PE2),
                            .positions_T = read<std::int64_t>(positions_T),
                            .qkv = read<T>(rows),
                            .q_THE = write<T>(heads.q_THE),
                            .k_TKE = write<T>(heads.k_TKE),
                            .v_TKE = write<T>(heads.v_TKE),
                            .dq_THE = nullptr,
                            .dk_TKE = nullptr,
                            .dv_TKE = nullptr,
                            .dqkv = nullptr};
    check_launch(launch_split_heads(loop, stream_of(rows)), "split_heads");
  });
  return heads;
}

at::Tensor split_heads_backward(const Heads& gradients, const at::Tensor& qkv, const HeadShape& shape,
                                const at::Tensor& q_norm_E, const at::Tensor& k_norm_E, const RopeTable& rope,
                                const at::Tensor& positions_T, at::Tensor& grad_q_norm_E, at::Tensor& grad_k_norm_E) {
  const at::Tensor dq = dense(gradients.q_THE), dk = dense(gradients.k_TKE), dv = dense(gradients.v_TKE);
  const at::Tensor rows = dense(qkv), q_norm = dense(q_norm_E), k_norm = dense(k_norm_E);
  const std::int64_t tokens = dq.size(0), H = shape.num_heads, K = shape.num_kv_heads, E = shape.head_dim;
  const at::Tensor dqkv = at::empty({tokens, (H + 2 * K) * E}, dq.options());
  if (tokens == 0) return dqkv;
  at::Tensor partials_CHE;
  if (q_norm.defined()) partials_CHE = at::zeros({head_chunks(tokens), H + 2 * K, E}, dq.options().dtype(at::kFloat));
  for_type("split_heads_backward", dq.scalar_type(), [&]<class T>(T) {
    const HeadsLoop<T> loop{.tokens = tokens,
                            .num_heads = H,
                            .num_kv_heads = K,
                            .head_dim = E,
                            .eps = static_cast<float>(shape.eps),
                            .q_norm_E = read<T>(q_norm),
                            .k_norm_E = read<T>(k_norm),
                            .cos_PE2 = read<float>(rope.cos_PE2),
                            .sin_PE2 = read<float>(rope.sin_PE2),
                            .positions_T = read<std::int64_t>(positions_T),
                            .qkv = read<T>(rows),
                            .q_THE = nullptr,
                            .k_TKE = nullptr,
                            .v_TKE = nullptr,
                            .dq_THE = read<T>(dq),
                            .dk_TKE = read<T>(dk),
                            .dv_TKE = read<T>(dv),
                            .dqkv = write<T>(dqkv)};
    check_launch(launch_split_heads_backward(loop, write<float>(partials_CHE), stream_of(dq)), "split_heads_backward");
  });
  if (q_norm.defined()) {
    const at::Tensor of_heads_HE = partials_CHE.sum(0);
    if (grad_q_norm_E.defined()) grad_q_norm_E.add_(of_heads_HE.narrow(0, 0, H).sum(0));
    if (grad_k_norm_E.defined()) grad_k_norm_E.add_(of_heads_HE.narrow(0, H, K).sum(0));
  }
  return dqkv;
}

RowFigures score_rows(const at::Tensor& logits_NV, const at::Tensor& targets_N, double scale) {
  const at::Tensor logits = dense(logits_NV), targets = dense(targets_N);
  const std::int64_t rows = logits.size(0);
  const RowFigures figures{floats(logits, {rows}), floats(logits, {rows}), floats(logits, {rows}),
                           floats(logits, {rows})};
  if (rows == 0) return figures;
  for_type("score_rows", logits.scalar_type(), [&]<class T>(T) {
    const ScoreLoop<T> loop{.logits_NV = read<T>(logits),
                            .targets_N = read<std::int64_t>(targets),
                            .scale = static_cast<float>(scale),
                            .maxima_N = write<float>(figures.maxima_N),
                            .sums_N = write<float>(figures.sums_N),
                            .weighted_N = write<float>(figures.weighted_N),
                            .chosen_N = write<float>(figures.targets_N),
                            .V = logits.size(1)};
    check_launch(launch_score_rows(loop, rows, stream_of(logits)), "score_rows");
  });
  return figures;
}

void score_rows_backward(at::Tensor& logits_NV, const at::Tensor& targets_N, const at::Tensor& lse_N,
                         const RowGradients& gradients, double scale) {
  INVARIANT(logits_NV.is_contiguous(), "logits are overwritten row by row");
  const at::Tensor targets = dense(targets_N), lse = dense(lse_N.to(at::kFloat)),
                   weights = dense(gradients.dlogprobs_N.to(at::kFloat));
  const bool has_entropy = gradients.dentropy_N.defined();
  const at::Tensor slopes = has_entropy ? dense(gradients.dentropy_N.to(at::kFloat)) : at::Tensor(),
                   entropy = has_entropy ? dense(gradients.entropy_N.to(at::kFloat)) : at::Tensor();
  if (logits_NV.size(0) == 0) return;
  for_type("score_rows_backward", logits_NV.scalar_type(), [&]<class T>(T) {
    const ScoreBackwardLoop<T> loop{.logits_NV = write<T>(logits_NV),
                                    .targets_N = read<std::int64_t>(targets),
                                    .lse_N = read<float>(lse),
                                    .weights_N = read<float>(weights),
                                    .entropy_slopes_N = has_entropy ? read<float>(slopes) : nullptr,
                                    .entropy_N = has_entropy ? read<float>(entropy) : nullptr,
                                    .scale = static_cast<float>(scale),
                                    .V = logits_NV.size(1)};
    check_launch(launch_score_rows_backward(loop, logits_NV.size(0), stream_of(logits_NV)), "score_rows_backward");
  });
}

}  // namespace muster::ops::cuda
