// silu(gate) * up. Letters: T tokens, F feed-forward width.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/ops/layer_forms.h"

namespace muster::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Swiglu : torch::autograd::Function<Swiglu> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up_T2F) {
    context->save_for_backward({gate_up_T2F});
    return swiglu_forward_kernels().for_device_of(gate_up_T2F)(gate_up_T2F);
  }
  static variable_list backward(AutogradContext* context, const variable_list& dy) {
    return {swiglu_backward_kernels().for_device_of(dy[0])(dy[0], context->get_saved_variables()[0])};
  }
};

}  // namespace

KernelTable<SwigluForward>& swiglu_forward_kernels() {
  static KernelTable<SwigluForward> forms{"swiglu", cpu::swiglu_forward, plain::swiglu_forward};
  return forms;
}

KernelTable<SwigluBackward>& swiglu_backward_kernels() {
  static KernelTable<SwigluBackward> forms{"swiglu_backward", cpu::swiglu_backward, plain::swiglu_backward};
  return forms;
}

at::Tensor swiglu(const at::Tensor& gate_up_T2F) {
  INVARIANT(gate_up_T2F.dim() == 2 && gate_up_T2F.size(1) % 2 == 0, "gate and up are two halves of one row");
  if (!gate_up_T2F.requires_grad() || !at::GradMode::is_enabled())
    return swiglu_forward_kernels().for_device_of(gate_up_T2F)(gate_up_T2F);
  return Swiglu::apply(gate_up_T2F);
}

}  // namespace muster::ops
