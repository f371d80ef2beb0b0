// The operations that layers are made of, each a function of tensors on any device with its own backward. Gradients of
// inputs flow through autograd; gradients of weights are added into Param::grad by the backward itself (no temporary of
// the weight's size where the types agree). Under InferenceMode or NoGrad nothing is saved. Letters: T tokens, D width,
// H query heads, K key/value heads, E head width, F feed-forward width, V vocabulary, O rows of a weight.
#pragma once

#include <utility>

#include "runtime/ops/param.h"

namespace muster::ops {

/// tokens_T int64 with ids relative to this rank's vocabulary rows; ids outside [0, rows) give zeros (another tp rank
/// has them). anchor: any tensor that requires grad where gradients are wanted (so that the graph has a root), or
/// undefined. weight [V, D] -> x_TD.
at::Tensor embedding(const at::Tensor& tokens_T, const Param& weight_VD, const at::Tensor& anchor);

/// x_TD times weight_OD transposed, plus bias_O -> [T, O]. No collective: parallel/tensor.h puts them around it.
at::Tensor linear(const at::Tensor& x_TD, const Param& weight_OD, const Param& bias_O);
/// Its backward: returns the gradient of x_TD from that of the result, and adds those of weight and bias.
at::Tensor linear_backward(const at::Tensor& dy_TO, const at::Tensor& x_TD, Param weight_OD, Param bias_O);

/// sum += left right, by one GEMM where the types agree.
void add_product(at::Tensor& sum, const at::Tensor& left, const at::Tensor& right);

/// x / sqrt(mean(x^2) + eps) * weight, in float32 within. x [..., D], weight_D.
at::Tensor rms_norm(const at::Tensor& x, const Param& weight_D, double eps);

/// residual + x, and its norm: one pass. Returns {sum_TD, normed_TD}.
std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& residual_TD, const at::Tensor& x_TD,
                                               const Param& weight_D, double eps);

/// silu(gate) * up of the two halves of gate_up [T, 2F] -> [T, F].
at::Tensor swiglu(const at::Tensor& gate_up_T2F);

/// Cosines and sines of all positions: cos_PE2, sin_PE2 float32 [positions, E/2].
struct RopeTable {
  at::Tensor cos_PE2, sin_PE2;
};

/// Splits qkv [T, (H + 2K) * E] into heads, normalises each query and key head when q_norm/k_norm are given (Qwen3),
/// turns them by position (halves convention of Hugging Face: element i pairs with i + E/2). Returns {q_THE, k_TKE,
/// v_TKE}, contiguous.
struct Heads {
  at::Tensor q_THE, k_TKE, v_TKE;
};
Heads split_heads(const at::Tensor& qkv, std::int64_t num_heads, std::int64_t num_kv_heads, std::int64_t head_dim,
                  const Param& q_norm_E, const Param& k_norm_E, double eps, const RopeTable& rope,
                  const at::Tensor& positions_T);

}  // namespace muster::ops
