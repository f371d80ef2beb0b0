// The two collectives of tensor parallelism, as one pair: what is an identity forwards is a sum backwards, and the
// other way round.
#include "runtime/parallel/tensor.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/comm/communicator.h"

namespace muster::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A sum over tp in memory of its own: the input may be shared with others.
at::Tensor summed(comm::Communicator& tp, const at::Tensor& x, std::string_view label) {
  at::Tensor sum = x.is_contiguous() ? x.clone() : x.contiguous();
  tp.all_reduce(sum, comm::Reduce::sum, label);
  return sum;
}

struct EnterColumns : torch::autograd::Function<EnterColumns> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, comm::Communicator* tp) {
    context->saved_data["tp"] = reinterpret_cast<std::int64_t>(tp);
    return x.view(x.sizes());
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    auto* const tp = reinterpret_cast<comm::Communicator*>(context->saved_data["tp"].toInt());
    return {summed(*tp, gradients[0], "tp.enter_columns"), at::Tensor()};
  }
};

struct SumRows : torch::autograd::Function<SumRows> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& x, comm::Communicator* tp, std::string_view label) {
    return summed(*tp, x, label);
  }
  static variable_list backward(AutogradContext*, const variable_list& gradients) {
    return {gradients[0], at::Tensor(), at::Tensor()};
  }
};

bool wants_gradient(const at::Tensor& x) { return at::GradMode::is_enabled() && x.requires_grad(); }

}  // namespace

at::Tensor enter_columns(comm::Communicator& tp, const at::Tensor& x) {
  if (tp.size() == 1 || !wants_gradient(x)) return x;
  return EnterColumns::apply(x, &tp);
}

at::Tensor sum_rows(comm::Communicator& tp, const at::Tensor& x, std::string_view label) {
  if (tp.size() == 1) return x;
  if (wants_gradient(x)) return SumRows::apply(x, &tp, label);
  return summed(tp, x, label);
}

}  // namespace muster::parallel
