// What runs again runs without a graph now, and with one in the backward.
#include "runtime/model/recompute.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <functional>

namespace muster::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using RunLayer = std::function<Residual(const at::Tensor& x_TD)>;

struct Recomputed : torch::autograd::Function<Recomputed> {
  struct Held : torch::CustomClassHolder {
    RunLayer run;
  };
  static variable_list forward(AutogradContext* context, const at::Tensor& x_TD, const RunLayer& run) {
    context->save_for_backward({x_TD});
    auto held = c10::make_intrusive<Held>();
    held->run = run;
    context->saved_data["run"] = c10::IValue::make_capsule(std::move(held));
    const Residual stream = run(x_TD);
    return {stream.sum_TD, stream.addend_TD};
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto held = c10::static_intrusive_pointer_cast<Held>(context->saved_data["run"].toCapsule());
    const at::AutoGradMode with_gradient(true);
    at::Tensor x_TD = context->get_saved_variables()[0].detach().requires_grad_(true);
    const Residual stream = held->run(x_TD);
    torch::autograd::backward({stream.sum_TD, stream.addend_TD}, gradients);
    return {x_TD.grad(), at::Tensor()};
  }
};

/// `run` without its graph: what it keeps is the whole stream.
Residual recomputed(const Residual& stream, const RunLayer& run) {
  const at::Tensor x_TD = stream.addend_TD.defined() ? stream.sum_TD + stream.addend_TD : stream.sum_TD;
  const variable_list both = Recomputed::apply(x_TD, run);
  return {both[0], both[1]};
}

}  // namespace

Residual layer_forward(const Layer& layer, const ForwardPass& pass, const Residual& stream, spec::Recompute recompute) {
  const bool keeps = at::GradMode::is_enabled() && stream.sum_TD.requires_grad();
  if (!keeps || recompute == spec::Recompute::none) return layer.fed_forward(pass, layer.mixed(pass, stream));
  const auto again = [&](const Residual& before, const auto& part) {
    // By value, what lives as long as the backward: a stream is a few tensors.
    return recomputed(before, [&layer, pass, part](const at::Tensor& x_TD) {
      return part(layer, pass, Residual{x_TD, at::Tensor()});
    });
  };
  const auto mix = [](const Layer& of, const ForwardPass& through, const Residual& x) { return of.mixed(through, x); };
  const auto feed = [](const Layer& of, const ForwardPass& through, const Residual& x) {
    return of.fed_forward(through, x);
  };
  if (recompute == spec::Recompute::attention) return feed(layer, pass, again(stream, mix));
  if (recompute == spec::Recompute::mlp) return again(mix(layer, pass, stream), feed);
  return again(stream, [mix, feed](const Layer& of, const ForwardPass& through, const Residual& x) {
    return feed(of, through, mix(of, through, x));
  });
}

}  // namespace muster::model
