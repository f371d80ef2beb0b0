// Plain forms of the layers' operations: ATen operations in the order of the formula, on any device, in float64 where
// the input is float64 and in float32 otherwise. Backwards come from autograd over the plain forward: the reference
// needs no second derivation.
#include <ATen/ATen.h>

#include "runtime/ops/layer_forms.h"
#include "runtime/ops/plain_gradient.h"
#include "runtime/ops/score_rows.h"

namespace muster::ops::plain {
namespace {

/// Only the gradient's part: (normed, sum) of wide inputs.
at::Tensor norm_of(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return x * (x.square().mean(-1, true) + eps).rsqrt() * weight;
}

/// heads [T, n, E] turned by position.
at::Tensor turned(const at::Tensor& heads, const RopeTable& rope, const at::Tensor& positions_T) {
  const auto type = heads.scalar_type();
  const at::Tensor cosine = rope.cos_PE2.index_select(0, positions_T).to(type).unsqueeze(1),
                   sine = rope.sin_PE2.index_select(0, positions_T).to(type).unsqueeze(1);
  const std::vector<at::Tensor> halves = heads.chunk(2, -1);
  return at::cat({halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine}, -1);
}

std::vector<at::Tensor> split_wide(const std::vector<at::Tensor>& inputs, const HeadShape& shape, const RopeTable& rope,
                                   const at::Tensor& positions_T) {
  const std::int64_t T = inputs[0].size(0), H = shape.num_heads, K = shape.num_kv_heads, E = shape.head_dim;
  const std::vector<at::Tensor> parts = inputs[0].split_with_sizes({H * E, K * E, K * E}, 1);
  at::Tensor q = parts[0].view({T, H, E}), k = parts[1].view({T, K, E});
  if (inputs[1].defined()) {
    q = norm_of(q, inputs[1], shape.eps);
    k = norm_of(k, inputs[2], shape.eps);
  }
  return {turned(q, rope, positions_T), turned(k, rope, positions_T), parts[2].view({T, K, E})};
}

}  // namespace

at::Tensor embedding_forward(const at::Tensor& tokens_T, const at::Tensor& weight_VD) {
  const at::Tensor inside_T = tokens_T.ge(0).logical_and(tokens_T.lt(weight_VD.size(0)));
  return weight_VD.index_select(0, tokens_T.clamp(0, weight_VD.size(0) - 1)) * inside_T.unsqueeze(1);
}

void embedding_backward(const at::Tensor& tokens_T, const at::Tensor& dx_TD, at::Tensor& grad_VD) {
  const at::Tensor inside_T = tokens_T.ge(0).logical_and(tokens_T.lt(grad_VD.size(0)));
  grad_VD.index_add_(0, tokens_T.clamp(0, grad_VD.size(0) - 1),
                     (dx_TD * inside_T.unsqueeze(1)).to(grad_VD.scalar_type()));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> rms_norm_forward(const at::Tensor& residual_ND, const at::Tensor& x_ND,
                                                                const at::Tensor& weight_D, double eps) {
  const at::Tensor sum = residual_ND.defined() ? residual_ND + x_ND : x_ND, values = wide(sum);
  const at::Tensor rstd_N = (values.square().mean(-1) + eps).rsqrt();
  return {sum, (values * rstd_N.unsqueeze(-1) * wide(weight_D)).to(x_ND.scalar_type()), rstd_N};
}

at::Tensor rms_norm_backward(const at::Tensor& dnormed_ND, const at::Tensor& dsum_ND, const at::Tensor& sum_ND,
                             const at::Tensor& weight_D, const at::Tensor& rstd_N, at::Tensor& grad_D) {
  // eps is held by rstd: rstd^-2 - mean(x^2).
  const at::Tensor values = wide(sum_ND), offset = rstd_N.pow(-2).unsqueeze(-1) - values.square().mean(-1, true);
  const auto gradients =
      plain_gradient({values, wide(weight_D)}, {wide(dnormed_ND)}, [&](const std::vector<at::Tensor>& inputs) {
        return std::vector<at::Tensor>{inputs[0] * (inputs[0].square().mean(-1, true) + offset).rsqrt() * inputs[1]};
      });
  if (grad_D.defined()) grad_D.add_(gradients[1]);
  return (dsum_ND.defined() ? gradients[0] + wide(dsum_ND) : gradients[0]).to(dnormed_ND.scalar_type());
}

at::Tensor swiglu_forward(const at::Tensor& gate_up_T2F) {
  const std::vector<at::Tensor> halves = wide(gate_up_T2F).chunk(2, -1);
  return (at::silu(halves[0]) * halves[1]).to(gate_up_T2F.scalar_type());
}

at::Tensor swiglu_backward(const at::Tensor& dy_TF, const at::Tensor& gate_up_T2F) {
  return plain_gradient({wide(gate_up_T2F)}, {wide(dy_TF)},
                        [](const std::vector<at::Tensor>& inputs) {
                          return std::vector<at::Tensor>{swiglu_forward(inputs[0])};
                        })[0]
      .to(dy_TF.scalar_type());
}

Heads split_heads_forward(const at::Tensor& qkv, const HeadShape& shape, const at::Tensor& q_norm_E,
                          const at::Tensor& k_norm_E, const RopeTable& rope, const at::Tensor& positions_T) {
  const auto heads = split_wide({wide(qkv), wide(q_norm_E), wide(k_norm_E)}, shape, rope, positions_T);
  const auto type = qkv.scalar_type();
  return {heads[0].to(type).contiguous(), heads[1].to(type).contiguous(), heads[2].to(type).contiguous()};
}

at::Tensor split_heads_backward(const Heads& gradients, const at::Tensor& qkv, const HeadShape& shape,
                                const at::Tensor& q_norm_E, const at::Tensor& k_norm_E, const RopeTable& rope,
                                const at::Tensor& positions_T, at::Tensor& grad_q_norm_E, at::Tensor& grad_k_norm_E) {
  const std::int64_t T = gradients.q_THE.size(0), width = (shape.num_heads + 2 * shape.num_kv_heads) * shape.head_dim;
  // Without norms the turn is linear, and its input is neither kept nor needed.
  const at::Tensor input = qkv.defined() ? wide(qkv) : at::zeros({T, width}, wide(gradients.q_THE).options());
  const auto inner = plain_gradient(
      {input, wide(q_norm_E), wide(k_norm_E)}, {wide(gradients.q_THE), wide(gradients.k_TKE), wide(gradients.v_TKE)},
      [&](const std::vector<at::Tensor>& inputs) { return split_wide(inputs, shape, rope, positions_T); });
  if (grad_q_norm_E.defined()) grad_q_norm_E.add_(inner[1]);
  if (grad_k_norm_E.defined()) grad_k_norm_E.add_(inner[2]);
  return inner[0].to(gradients.q_THE.scalar_type());
}

RowFigures score_rows(const at::Tensor& logits_NV, const at::Tensor& targets_N, double scale) {
  const at::Tensor scaled = wide(logits_NV) * scale, maxima_N = scaled.amax(1), below = scaled - maxima_N.unsqueeze(1),
                   weights = below.exp();
  const at::Tensor inside_N = targets_N.ge(0).logical_and(targets_N.lt(scaled.size(1)));
  const at::Tensor chosen_N =
      scaled.gather(1, targets_N.clamp(0, scaled.size(1) - 1).unsqueeze(1)).squeeze(1) * inside_N;
  return {maxima_N, weights.sum(1), (weights * below).sum(1), chosen_N};
}

void score_rows_backward(at::Tensor& logits_NV, const at::Tensor& targets_N, const at::Tensor& lse_N,
                         const RowGradients& gradients, double scale) {
  const at::Tensor logprobs_NV = wide(logits_NV) * scale - lse_N.unsqueeze(1);
  at::Tensor slopes = -logprobs_NV.exp(), of_entropy_NV;
  if (gradients.dentropy_N.defined())
    of_entropy_NV =
        slopes * (logprobs_NV + gradients.entropy_N.unsqueeze(1)) * (gradients.dentropy_N * scale).unsqueeze(1);
  const at::Tensor inside_N = targets_N.ge(0).logical_and(targets_N.lt(slopes.size(1)));
  slopes.scatter_add_(1, targets_N.clamp(0, slopes.size(1) - 1).unsqueeze(1),
                      inside_N.to(slopes.scalar_type()).unsqueeze(1));
  slopes = slopes * (gradients.dlogprobs_N * scale).unsqueeze(1);
  logits_NV.copy_(of_entropy_NV.defined() ? slopes + of_entropy_NV : slopes);
}

}  // namespace muster::ops::plain
