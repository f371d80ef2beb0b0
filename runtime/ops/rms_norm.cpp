// RMSNorm, alone or behind a residual sum. Letters: N rows, D width.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/ops/layer_forms.h"

namespace muster::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void save(AutogradContext* context, const at::Tensor& sum_ND, const at::Tensor& rstd_N, const Param& weight_D) {
  context->save_for_backward({sum_ND, weight_D.value, rstd_N});
  context->saved_data["grad"] = weight_D.grad;
  context->set_materialize_grads(false);
}

at::Tensor gradient(AutogradContext* context, const at::Tensor& dnormed, const at::Tensor& dsum) {
  if (!dnormed.defined()) return dsum;
  const variable_list saved = context->get_saved_variables();
  at::Tensor grad = context->saved_data["grad"].toTensor();
  return rms_norm_backward_kernels().for_device_of(dnormed)(dnormed, dsum, saved[0], saved[1], saved[2], grad);
}

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_ND, const Param& weight_D, double eps) {
    auto [sum, normed, rstd] = rms_norm_forward_kernels().for_device_of(x_ND)(at::Tensor(), x_ND, weight_D.value, eps);
    save(context, x_ND, rstd, weight_D);
    return normed;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {gradient(context, gradients[0], at::Tensor()), at::Tensor(), at::Tensor()};
  }
};

struct AddRmsNorm : torch::autograd::Function<AddRmsNorm> {
  static variable_list forward(AutogradContext* context, const at::Tensor& residual_ND, const at::Tensor& x_ND,
                               const Param& weight_D, double eps) {
    auto [sum, normed, rstd] = rms_norm_forward_kernels().for_device_of(x_ND)(residual_ND, x_ND, weight_D.value, eps);
    save(context, sum, rstd, weight_D);
    return {sum, normed};
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor dx = gradient(context, gradients[1], gradients[0]);
    return {dx, dx, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

KernelTable<RmsNormForward>& rms_norm_forward_kernels() {
  static KernelTable<RmsNormForward> forms{"rms_norm", cpu::rms_norm_forward, plain::rms_norm_forward};
  return forms;
}

KernelTable<RmsNormBackward>& rms_norm_backward_kernels() {
  static KernelTable<RmsNormBackward> forms{"rms_norm_backward", cpu::rms_norm_backward, plain::rms_norm_backward};
  return forms;
}

at::Tensor rms_norm(const at::Tensor& x, const Param& weight_D, double eps) {
  INVARIANT(weight_D.value.dim() == 1 && x.dim() >= 1 && x.size(-1) == weight_D.value.size(0),
            "a norm has one weight for each column");
  const at::Tensor x_ND = x.reshape({-1, x.size(-1)});
  if (!x.requires_grad() || !at::GradMode::is_enabled())
    return std::get<1>(rms_norm_forward_kernels().for_device_of(x_ND)(at::Tensor(), x_ND, weight_D.value, eps))
        .view(x.sizes());
  return RmsNorm::apply(x_ND, weight_D, eps).view(x.sizes());
}

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& residual_TD, const at::Tensor& x_TD,
                                               const Param& weight_D, double eps) {
  INVARIANT(residual_TD.sizes() == x_TD.sizes() && x_TD.dim() == 2 && x_TD.size(1) == weight_D.value.size(0),
            "the two summands and the norm have one width");
  if (!at::GradMode::is_enabled() || !(x_TD.requires_grad() || residual_TD.requires_grad())) {
    auto [sum, normed, rstd] = rms_norm_forward_kernels().for_device_of(x_TD)(residual_TD, x_TD, weight_D.value, eps);
    return {sum, normed};
  }
  const variable_list both = AddRmsNorm::apply(residual_TD, x_TD, weight_D, eps);
  return {both[0], both[1]};
}

}  // namespace muster::ops
