// The fused q, k, v of a layer into heads: normalised (Qwen3), turned by position. Letters: T tokens, H query heads, K
// key/value heads, E head width, P positions.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/ops/layer_forms.h"

namespace muster::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct SplitHeads : torch::autograd::Function<SplitHeads> {
  static variable_list forward(AutogradContext* context, const at::Tensor& qkv, const HeadShape& shape,
                               const Param& q_norm_E, const Param& k_norm_E, const RopeTable& rope,
                               const at::Tensor& positions_T) {
    context->save_for_backward(
        {q_norm_E ? qkv : at::Tensor(), q_norm_E.value, k_norm_E.value, rope.cos_PE2, rope.sin_PE2, positions_T});
    context->saved_data["grad_q_norm"] = q_norm_E.grad;
    context->saved_data["grad_k_norm"] = k_norm_E.grad;
    context->saved_data["shape"] = std::vector<std::int64_t>{shape.num_heads, shape.num_kv_heads, shape.head_dim};
    context->saved_data["eps"] = shape.eps;
    Heads heads =
        split_heads_forward_kernels().for_device_of(qkv)(qkv, shape, q_norm_E.value, k_norm_E.value, rope, positions_T);
    return {heads.q_THE, heads.k_TKE, heads.v_TKE};
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto widths = context->saved_data["shape"].toIntVector();
    const HeadShape shape{widths[0], widths[1], widths[2], context->saved_data["eps"].toDouble()};
    at::Tensor grad_q_norm = context->saved_data["grad_q_norm"].toTensor(),
               grad_k_norm = context->saved_data["grad_k_norm"].toTensor();
    const at::Tensor dqkv = split_heads_backward_kernels().for_device_of(gradients[0])(
        {gradients[0], gradients[1], gradients[2]}, saved[0], shape, saved[1], saved[2], {saved[3], saved[4]}, saved[5],
        grad_q_norm, grad_k_norm);
    return {dqkv, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

KernelTable<SplitHeadsForward>& split_heads_forward_kernels() {
  static KernelTable<SplitHeadsForward> forms{"split_heads", cpu::split_heads_forward, plain::split_heads_forward};
  return forms;
}

KernelTable<SplitHeadsBackward>& split_heads_backward_kernels() {
  static KernelTable<SplitHeadsBackward> forms{"split_heads_backward", cpu::split_heads_backward,
                                               plain::split_heads_backward};
  return forms;
}

Heads split_heads(const at::Tensor& qkv, std::int64_t num_heads, std::int64_t num_kv_heads, std::int64_t head_dim,
                  const Param& q_norm_E, const Param& k_norm_E, double eps, const RopeTable& rope,
                  const at::Tensor& positions_T) {
  INVARIANT(qkv.dim() == 2 && qkv.size(1) == (num_heads + 2 * num_kv_heads) * head_dim,
            "a row holds all query, key and value heads");
  INVARIANT(head_dim % 2 == 0 && rope.cos_PE2.dim() == 2 && rope.cos_PE2.size(1) == head_dim / 2,
            "rotations come in pairs of elements");
  INVARIANT(positions_T.dim() == 1 && positions_T.size(0) == qkv.size(0) && positions_T.scalar_type() == at::kLong,
            "each token has a position");
  INVARIANT(bool(q_norm_E) == bool(k_norm_E), "queries and keys are both normalised or neither");
  const HeadShape shape{num_heads, num_kv_heads, head_dim, eps};
  if (!qkv.requires_grad() || !at::GradMode::is_enabled())
    return split_heads_forward_kernels().for_device_of(qkv)(qkv, shape, q_norm_E.value, k_norm_E.value, rope,
                                                            positions_T);
  const variable_list heads = SplitHeads::apply(qkv, shape, q_norm_E, k_norm_E, rope, positions_T);
  return {heads[0], heads[1], heads[2]};
}

}  // namespace muster::ops
