// CPU forms of the layers' operations: rows over threads, loops of kernels/. float32 is computed as it is, other types
// by way of float32. Letters: N rows, T tokens, D width, H query heads, K key/value heads, E head width, F feed-forward
// width, V vocabulary rows.
#include <ATen/ATen.h>

#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/ops/cpu_tensors.h"
#include "runtime/ops/kernels/kernels.h"
#include "runtime/ops/layer_forms.h"
#include "runtime/ops/threads.h"

namespace muster::ops::cpu {
namespace {

/// Rows that are worth a thread of their own: about 16,000 elements.
std::int64_t grain_of(std::int64_t width) {
  return std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, width));
}

at::Tensor empty_like_rows(const at::Tensor& x, at::IntArrayRef shape) {
  return at::empty(shape, x.options().dtype(at::kFloat));
}

SplitHeadsLoop loop_of(const HeadShape& shape, const at::Tensor& q_norm, const at::Tensor& k_norm,
                       const RopeTable& rope, const at::Tensor& positions_T) {
  return {.num_heads = shape.num_heads,
          .num_kv_heads = shape.num_kv_heads,
          .head_dim = shape.head_dim,
          .eps = static_cast<float>(shape.eps),
          .q_norm_E = data_of(q_norm),
          .k_norm_E = data_of(k_norm),
          .cos_PE2 = data_of(rope.cos_PE2),
          .sin_PE2 = data_of(rope.sin_PE2),
          .positions_N = positions_T.const_data_ptr<std::int64_t>()};
}

at::Tensor float_or_undefined(const at::Tensor& x) { return x.defined() ? as_float(x) : x; }

}  // namespace

at::Tensor embedding_forward(const at::Tensor& tokens_T, const at::Tensor& weight_VD) {
  const at::Tensor tokens = tokens_T.contiguous(), weight = weight_VD.contiguous();
  at::Tensor x_TD = at::empty({tokens.size(0), weight.size(1)}, weight.options());
  const auto bytes = static_cast<std::size_t>(weight.size(1)) * weight.element_size();
  const auto* rows = static_cast<const char*>(weight.const_data_ptr());
  auto* out = static_cast<char*>(x_TD.mutable_data_ptr());
  const std::int64_t* ids = tokens.const_data_ptr<std::int64_t>();
  for (std::int64_t t = 0; t < tokens.size(0); ++t) {
    char* const target = out + static_cast<std::size_t>(t) * bytes;
    if (ids[t] >= 0 && ids[t] < weight.size(0))
      std::memcpy(target, rows + static_cast<std::size_t>(ids[t]) * bytes, bytes);
    else
      std::memset(target, 0, bytes);
  }
  return x_TD;
}

void embedding_backward(const at::Tensor& tokens_T, const at::Tensor& dx_TD, at::Tensor& grad_VD) {
  if (grad_VD.scalar_type() != at::kFloat || !grad_VD.is_contiguous())
    return plain::embedding_backward(tokens_T, dx_TD, grad_VD);
  const at::Tensor tokens = tokens_T.contiguous(), dx = as_float(dx_TD);
  const std::int64_t* ids = tokens.const_data_ptr<std::int64_t>();
  const std::int64_t D = grad_VD.size(1);
  for (std::int64_t t = 0; t < tokens.size(0); ++t) {
    if (ids[t] < 0 || ids[t] >= grad_VD.size(0)) continue;
    float* const row = grad_VD.mutable_data_ptr<float>() + ids[t] * D;
    const float* const upstream = data_of(dx) + t * D;
    for (std::int64_t d = 0; d < D; ++d) row[d] += upstream[d];
  }
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> rms_norm_forward(const at::Tensor& residual_ND, const at::Tensor& x_ND,
                                                                const at::Tensor& weight_D, double eps) {
  const auto type = x_ND.scalar_type();
  if (residual_ND.defined() && type != at::kFloat) {  // the norm is that of the sum as it is stored
    const at::Tensor sum = residual_ND + x_ND;
    auto [same, normed, rstd] = rms_norm_forward(at::Tensor(), sum, weight_D, eps);
    return {sum, normed, rstd};
  }
  const std::int64_t N = x_ND.size(0), D = x_ND.size(1);
  const at::Tensor residual = float_or_undefined(residual_ND), x = as_float(x_ND), weight = as_float(weight_D);
  at::Tensor sum = residual.defined() ? empty_like_rows(x, {N, D}) : x, normed = empty_like_rows(x, {N, D}),
             rstd = empty_like_rows(x, {N});
  float *const sum_at = residual.defined() ? sum.mutable_data_ptr<float>() : nullptr,
               *const normed_at = normed.mutable_data_ptr<float>(), *const rstd_at = rstd.mutable_data_ptr<float>();
  const float *const residual_at = data_of(residual), *const x_at = data_of(x), *const weight_at = data_of(weight);
  parallel_rows(N, grain_of(D), [&](std::int64_t begin, std::int64_t end, int) {
    kernels().rms_norm(residual_at == nullptr ? nullptr : residual_at + begin * D, x_at + begin * D, weight_at,
                       static_cast<float>(eps), sum_at == nullptr ? nullptr : sum_at + begin * D, normed_at + begin * D,
                       rstd_at + begin, end - begin, D);
  });
  return {residual.defined() ? sum : x_ND, normed.to(type), rstd};
}

at::Tensor rms_norm_backward(const at::Tensor& dnormed_ND, const at::Tensor& dsum_ND, const at::Tensor& sum_ND,
                             const at::Tensor& weight_D, const at::Tensor& rstd_N, at::Tensor& grad_D) {
  const std::int64_t N = sum_ND.size(0), D = sum_ND.size(1);
  const at::Tensor dnormed = as_float(dnormed_ND), dsum = float_or_undefined(dsum_ND), sum = as_float(sum_ND),
                   weight = as_float(weight_D);
  at::Tensor dx = empty_like_rows(sum, {N, D});
  ThreadSums sums(num_threads(), grad_D);
  float* const dx_at = dx.mutable_data_ptr<float>();
  parallel_rows(N, grain_of(D), [&](std::int64_t begin, std::int64_t end, int thread) {
    kernels().rms_norm_backward(data_of(dnormed) + begin * D, dsum.defined() ? data_of(dsum) + begin * D : nullptr,
                                data_of(sum) + begin * D, data_of(weight), data_of(rstd_N) + begin, dx_at + begin * D,
                                sums.of(thread), end - begin, D);
  });
  sums.add_into(grad_D);
  return dx.to(dnormed_ND.scalar_type());
}

at::Tensor swiglu_forward(const at::Tensor& gate_up_T2F) {
  const at::Tensor gate_up = as_float(gate_up_T2F);
  const std::int64_t T = gate_up.size(0), F = gate_up.size(1) / 2;
  at::Tensor y = empty_like_rows(gate_up, {T, F});
  float* const y_at = y.mutable_data_ptr<float>();
  parallel_rows(T, grain_of(F), [&](std::int64_t begin, std::int64_t end, int) {
    kernels().swiglu(data_of(gate_up) + begin * 2 * F, y_at + begin * F, end - begin, F);
  });
  return y.to(gate_up_T2F.scalar_type());
}

at::Tensor swiglu_backward(const at::Tensor& dy_TF, const at::Tensor& gate_up_T2F) {
  const at::Tensor dy = as_float(dy_TF), gate_up = as_float(gate_up_T2F);
  const std::int64_t T = gate_up.size(0), F = gate_up.size(1) / 2;
  at::Tensor dgate_up = empty_like_rows(gate_up, {T, 2 * F});
  float* const out = dgate_up.mutable_data_ptr<float>();
  parallel_rows(T, grain_of(F), [&](std::int64_t begin, std::int64_t end, int) {
    kernels().swiglu_backward(data_of(dy) + begin * F, data_of(gate_up) + begin * 2 * F, out + begin * 2 * F,
                              end - begin, F);
  });
  return dgate_up.to(dy_TF.scalar_type());
}

Heads split_heads_forward(const at::Tensor& qkv_in, const HeadShape& shape, const at::Tensor& q_norm_E,
                          const at::Tensor& k_norm_E, const RopeTable& rope, const at::Tensor& positions_in) {
  const at::Tensor qkv = as_float(qkv_in), q_norm = float_or_undefined(q_norm_E), k_norm = float_or_undefined(k_norm_E);
  const at::Tensor positions_T = positions_in.contiguous();
  const std::int64_t T = qkv.size(0), H = shape.num_heads, K = shape.num_kv_heads, E = shape.head_dim;
  const SplitHeadsLoop loop = loop_of(shape, q_norm, k_norm, rope, positions_T);
  for (std::int64_t t = 0; t < T; ++t)
    INVARIANT(
        loop.positions_N[t] >= 0 && loop.positions_N[t] < rope.cos_PE2.size(0),
        base::text("position ", loop.positions_N[t], " lies in the table of ", rope.cos_PE2.size(0), " rotations"));
  at::Tensor q = empty_like_rows(qkv, {T, H, E}), k = empty_like_rows(qkv, {T, K, E}),
             v = empty_like_rows(qkv, {T, K, E});
  float *const q_at = q.mutable_data_ptr<float>(), *const k_at = k.mutable_data_ptr<float>(),
               *const v_at = v.mutable_data_ptr<float>();
  const std::int64_t width = (H + 2 * K) * E;
  parallel_rows(T, grain_of(width), [&](std::int64_t begin, std::int64_t end, int) {
    SplitHeadsLoop part = loop;
    part.positions_N += begin;
    kernels().split_heads(part, data_of(qkv) + begin * width, q_at + begin * H * E, k_at + begin * K * E,
                          v_at + begin * K * E, end - begin);
  });
  const auto type = qkv_in.scalar_type();
  return {q.to(type), k.to(type), v.to(type)};
}

at::Tensor split_heads_backward(const Heads& gradients, const at::Tensor& qkv_in, const HeadShape& shape,
                                const at::Tensor& q_norm_E, const at::Tensor& k_norm_E, const RopeTable& rope,
                                const at::Tensor& positions_in, at::Tensor& grad_q_norm_E, at::Tensor& grad_k_norm_E) {
  const at::Tensor dq = as_float(gradients.q_THE), dk = as_float(gradients.k_TKE), dv = as_float(gradients.v_TKE);
  const at::Tensor qkv = float_or_undefined(qkv_in), q_norm = float_or_undefined(q_norm_E),
                   k_norm = float_or_undefined(k_norm_E);
  const at::Tensor positions_T = positions_in.contiguous();
  const std::int64_t T = dq.size(0), H = shape.num_heads, K = shape.num_kv_heads, E = shape.head_dim,
                     width = (H + 2 * K) * E;
  const SplitHeadsLoop loop = loop_of(shape, q_norm, k_norm, rope, positions_T);
  at::Tensor dqkv = empty_like_rows(dq, {T, width});
  ThreadSums q_sums(num_threads(), grad_q_norm_E), k_sums(num_threads(), grad_k_norm_E);
  float* const out = dqkv.mutable_data_ptr<float>();
  parallel_rows(T, grain_of(width), [&](std::int64_t begin, std::int64_t end, int thread) {
    SplitHeadsLoop part = loop;
    part.positions_N += begin;
    kernels().split_heads_backward(part, data_of(dq) + begin * H * E, data_of(dk) + begin * K * E,
                                   data_of(dv) + begin * K * E, qkv.defined() ? data_of(qkv) + begin * width : nullptr,
                                   out + begin * width, q_sums.of(thread), k_sums.of(thread), end - begin);
  });
  q_sums.add_into(grad_q_norm_E);
  k_sums.add_into(grad_k_norm_E);
  return dqkv.to(gradients.q_THE.scalar_type());
}

}  // namespace muster::ops::cpu
