// Rows of the embedding by token. Letters: T tokens, D width, V rows of the vocabulary on this rank.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/ops/layer_forms.h"

namespace muster::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Embedding : torch::autograd::Function<Embedding> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor&, const at::Tensor& tokens_T,
                            const Param& weight_VD) {
    context->save_for_backward({tokens_T});
    context->saved_data["grad"] = weight_VD.grad;
    return embedding_forward_kernels().for_device_of(weight_VD.value)(tokens_T, weight_VD.value);
  }
  static variable_list backward(AutogradContext* context, const variable_list& dx) {
    at::Tensor grad = context->saved_data["grad"].toTensor();
    if (grad.defined())
      embedding_backward_kernels().for_device_of(dx[0])(context->get_saved_variables()[0], dx[0], grad);
    return {at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

KernelTable<EmbeddingForward>& embedding_forward_kernels() {
  static KernelTable<EmbeddingForward> forms{"embedding", cpu::embedding_forward, plain::embedding_forward};
  return forms;
}

KernelTable<EmbeddingBackward>& embedding_backward_kernels() {
  static KernelTable<EmbeddingBackward> forms{"embedding_backward", cpu::embedding_backward, plain::embedding_backward};
  return forms;
}

at::Tensor embedding(const at::Tensor& tokens_T, const Param& weight_VD, const at::Tensor& anchor) {
  INVARIANT(tokens_T.dim() == 1 && tokens_T.scalar_type() == at::kLong, "tokens are a row of int64");
  if (!anchor.defined() || !anchor.requires_grad() || !at::GradMode::is_enabled())
    return embedding_forward_kernels().for_device_of(weight_VD.value)(tokens_T, weight_VD.value);
  return Embedding::apply(anchor, tokens_T, weight_VD);
}

}  // namespace muster::ops
