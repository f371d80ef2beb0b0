// An autograd function that returns its inputs, and calls the source in the forward and when their gradients have come.
#include "runtime/model/unit_hooks.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace muster::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct UnitHook : torch::autograd::Function<UnitHook> {
  static variable_list forward(AutogradContext* context, at::TensorList tensors, WeightSource* source, Unit unit,
                               bool begins) {
    context->saved_data["source"] = reinterpret_cast<std::int64_t>(source);
    context->saved_data["unit"] = unit;
    context->saved_data["begins"] = begins;
    context->set_materialize_grads(false);
    return tensors.vec();
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    auto& source = *reinterpret_cast<WeightSource*>(context->saved_data["source"].toInt());
    const Unit unit = context->saved_data["unit"].toInt();
    context->saved_data["begins"].toBool() ? source.end_backward(unit) : source.begin_backward(unit);
    variable_list passed = gradients;
    passed.resize(passed.size() + 3);
    return passed;
  }
};

variable_list with_hooks(WeightSource& source, Unit unit, bool begins, variable_list tensors) {
  if (!source.has_hooks()) return tensors;
  begins ? source.begin_forward(unit) : source.end_forward(unit);
  if (!at::GradMode::is_enabled() || !tensors.front().requires_grad()) return tensors;
  return UnitHook::apply(at::TensorList(tensors), &source, unit, begins);
}

Residual with_hooks(WeightSource& source, Unit unit, bool begins, const Residual& stream) {
  variable_list tensors{stream.sum_TD};
  if (stream.addend_TD.defined()) tensors.push_back(stream.addend_TD);
  tensors = with_hooks(source, unit, begins, std::move(tensors));
  return {tensors[0], tensors.size() > 1 ? tensors[1] : at::Tensor()};
}

}  // namespace

at::Tensor begin_unit(WeightSource& source, Unit unit, const at::Tensor& x) {
  return with_hooks(source, unit, true, variable_list{x})[0];
}
at::Tensor end_unit(WeightSource& source, Unit unit, const at::Tensor& x) {
  return with_hooks(source, unit, false, variable_list{x})[0];
}
Residual begin_unit(WeightSource& source, Unit unit, const Residual& stream) {
  return with_hooks(source, unit, true, stream);
}
Residual end_unit(WeightSource& source, Unit unit, const Residual& stream) {
  return with_hooks(source, unit, false, stream);
}

}  // namespace muster::model
