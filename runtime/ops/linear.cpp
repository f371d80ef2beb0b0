// A matrix product and its backward, which adds the weight's gradient where it belongs. ATen's GEMM on every device.
// Letters: T tokens, D inputs, O outputs.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/ops/flops.h"
#include "runtime/ops/layers.h"

namespace muster::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor product(const at::Tensor& x_TD, const Param& weight_OD, const Param& bias_O) {
  count_product(x_TD.size(0), x_TD.size(1), weight_OD.value.size(0));
  return bias_O ? at::addmm(bias_O.value, x_TD, weight_OD.value.t()) : at::mm(x_TD, weight_OD.value.t());
}

struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_TD, const Param& weight_OD,
                            const Param& bias_O) {
    context->save_for_backward({x_TD, weight_OD.value});
    context->saved_data["grad"] = weight_OD.grad;
    context->saved_data["grad_bias"] = bias_O.grad;
    return product(x_TD, weight_OD, bias_O);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const Param weight_OD{saved[1], context->saved_data["grad"].toTensor()},
        bias_O{at::Tensor(), context->saved_data["grad_bias"].toTensor()};
    return {linear_backward(gradients[0], saved[0], weight_OD, bias_O), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

void add_product(at::Tensor& sum, const at::Tensor& left, const at::Tensor& right) {
  count_product(left.size(0), left.size(1), right.size(1));
  if (sum.scalar_type() == left.scalar_type())
    sum.addmm_(left, right);
  else
    sum.add_(at::mm(left, right));
}

at::Tensor linear_backward(const at::Tensor& dy_TO, const at::Tensor& x_TD, Param weight_OD, Param bias_O) {
  if (weight_OD.grad.defined()) add_product(weight_OD.grad, dy_TO.t(), x_TD);
  if (bias_O.grad.defined()) bias_O.grad.add_(dy_TO.sum(0, false, bias_O.grad.scalar_type()));
  count_product(dy_TO.size(0), dy_TO.size(1), weight_OD.value.size(1));
  return at::mm(dy_TO, weight_OD.value);
}

at::Tensor linear(const at::Tensor& x_TD, const Param& weight_OD, const Param& bias_O) {
  INVARIANT(x_TD.dim() == 2 && weight_OD.value.dim() == 2 && x_TD.size(1) == weight_OD.value.size(1),
            "the weight has a column for each input");
  if (!x_TD.requires_grad() || !at::GradMode::is_enabled()) return product(x_TD, weight_OD, bias_O);
  return Linear::apply(x_TD, weight_OD, bias_O);
}

}  // namespace muster::ops
