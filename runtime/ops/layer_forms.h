// The kernels below the layers, one table each: tensors in, tensors out, no autograd. A library for another device adds
// its forms here. Letters as in layers.h. Gradients of weights are added into `grad_*` (undefined: not wanted), in
// float32 or the value's type.
#pragma once

#include <tuple>

#include "runtime/ops/forms.h"
#include "runtime/ops/layers.h"

namespace muster::ops {

using EmbeddingForward = at::Tensor(const at::Tensor& tokens_T, const at::Tensor& weight_VD);
using EmbeddingBackward = void(const at::Tensor& tokens_T, const at::Tensor& dx_TD, at::Tensor& grad_VD);

/// residual undefined: sum is x itself. Returns {sum, normed, inverse root mean square of each row, float32}.
using RmsNormForward = std::tuple<at::Tensor, at::Tensor, at::Tensor>(const at::Tensor& residual_ND,
                                                                      const at::Tensor& x_ND,
                                                                      const at::Tensor& weight_D, double eps);
/// dsum: the gradient that reaches the sum directly, or undefined. Returns the gradient of the sum.
using RmsNormBackward = at::Tensor(const at::Tensor& dnormed_ND, const at::Tensor& dsum_ND, const at::Tensor& sum_ND,
                                   const at::Tensor& weight_D, const at::Tensor& rstd_N, at::Tensor& grad_D);

using SwigluForward = at::Tensor(const at::Tensor& gate_up_T2F);
using SwigluBackward = at::Tensor(const at::Tensor& dy_TF, const at::Tensor& gate_up_T2F);

struct HeadShape {
  std::int64_t num_heads = 0, num_kv_heads = 0, head_dim = 0;
  double eps = 0;
};
/// q_norm_E, k_norm_E may be undefined.
using SplitHeadsForward = Heads(const at::Tensor& qkv, const HeadShape& shape, const at::Tensor& q_norm_E,
                                const at::Tensor& k_norm_E, const RopeTable& rope, const at::Tensor& positions_T);
/// qkv is needed with norms only. Returns dqkv.
using SplitHeadsBackward = at::Tensor(const Heads& gradients, const at::Tensor& qkv, const HeadShape& shape,
                                      const at::Tensor& q_norm_E, const at::Tensor& k_norm_E, const RopeTable& rope,
                                      const at::Tensor& positions_T, at::Tensor& grad_q_norm_E,
                                      at::Tensor& grad_k_norm_E);

KernelTable<EmbeddingForward>& embedding_forward_kernels();
KernelTable<EmbeddingBackward>& embedding_backward_kernels();
KernelTable<RmsNormForward>& rms_norm_forward_kernels();
KernelTable<RmsNormBackward>& rms_norm_backward_kernels();
KernelTable<SwigluForward>& swiglu_forward_kernels();
KernelTable<SwigluBackward>& swiglu_backward_kernels();
KernelTable<SplitHeadsForward>& split_heads_forward_kernels();
KernelTable<SplitHeadsBackward>& split_heads_backward_kernels();

namespace cpu {
EmbeddingForward embedding_forward;
EmbeddingBackward embedding_backward;
RmsNormForward rms_norm_forward;
RmsNormBackward rms_norm_backward;
SwigluForward swiglu_forward;
SwigluBackward swiglu_backward;
SplitHeadsForward split_heads_forward;
SplitHeadsBackward split_heads_backward;
}  // namespace cpu

/// The same in ATen operations, on any device and in any float type: the reference of tests and the fallback.
namespace plain {
EmbeddingForward embedding_forward;
EmbeddingBackward embedding_backward;
RmsNormForward rms_norm_forward;
RmsNormBackward rms_norm_backward;
SwigluForward swiglu_forward;
SwigluBackward swiglu_backward;
SplitHeadsForward split_heads_forward;
SplitHeadsBackward split_heads_backward;
}  // namespace plain

}  // namespace muster::ops
