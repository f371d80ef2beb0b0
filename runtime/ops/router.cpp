// Scores, choice and weights of experts, with a backward by hand: kept are the input, what was chosen, and all scores
// only where the weights do not sum to 1. Letters: T tokens, D width, X experts, C chosen ones of a token.
#include "runtime/ops/router.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/ops/flops.h"
#include "runtime/ops/layers.h"
#include "runtime/ops/threads.h"

namespace muster::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kRowsOfAThread = 256;

template <class Number>
void choose_largest(const Number* values, std::int64_t num_columns, std::int64_t num_chosen, std::int64_t* chosen) {
  for (std::int64_t c = 0; c < num_chosen; ++c) {
    std::int64_t best = -1;
    for (std::int64_t x = 0; x < num_columns; ++x) {
      const bool is_taken = std::find(chosen, chosen + c, x) != chosen + c;
      if (!is_taken && (best < 0 || values[x] > values[best])) best = x;
    }
    chosen[c] = best;
  }
}

at::Tensor top_columns_cpu(const at::Tensor& values_TX, std::int64_t num_chosen) {
  const at::Tensor values = values_TX.contiguous();
  const std::int64_t T = values.size(0), X = values.size(1);
  at::Tensor chosen_TC = at::empty({T, num_chosen}, values.options().dtype(at::kLong));
  auto* const chosen = chosen_TC.mutable_data_ptr<std::int64_t>();
  const auto choose = [&](const auto* all) {
    parallel_rows(T, kRowsOfAThread, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t t = begin; t < end; ++t) choose_largest(all + t * X, X, num_chosen, chosen + t * num_chosen);
    });
  };
  values.scalar_type() == at::kDouble ? choose(values.const_data_ptr<double>())
                                      : choose(values.const_data_ptr<float>());
  return chosen_TC;
}

struct Scored {
  at::Tensor scores_TX, experts_TC, weights_TC;  // float32, int64, float32
};

Scored compute(const at::Tensor& x_TD, const at::Tensor& weight_XD, const RouterOptions& options) {
  count_product(x_TD.size(0), x_TD.size(1), weight_XD.size(0));
  const at::Tensor logits_TX = at::mm(x_TD.to(options.type), weight_XD.to(options.type).t());
  const at::Tensor scores_TX = at::softmax(logits_TX, 1);
  // The softmax keeps the order, but rounds some that differ to the same.
  const at::Tensor experts_TC = top_columns(logits_TX, options.num_chosen);
  at::Tensor weights_TC = scores_TX.gather(1, experts_TC);
  if (options.normalize) weights_TC = weights_TC / weights_TC.sum(1, true);
  return {scores_TX.to(at::kFloat), experts_TC, weights_TC.to(at::kFloat)};
}

struct Route : torch::autograd::Function<Route> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x_TD, const Param& weight_XD,
                               const RouterOptions& options) {
    const Scored scored = compute(x_TD, weight_XD.value, options);
    context->save_for_backward({x_TD, weight_XD.value, scored.experts_TC, scored.weights_TC,
                                options.normalize ? at::Tensor() : scored.scores_TX});
    context->saved_data["grad"] = weight_XD.grad;
    context->mark_non_differentiable({scored.experts_TC});
    return {scored.experts_TC, scored.weights_TC};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x_TD = saved[0], &weight_XD = saved[1], &experts_TC = saved[2], &weights_TC = saved[3],
                     &scores_TX = saved[4], &dweights_TC = gradients[1];
    at::Tensor grad_XD = context->saved_data["grad"].toTensor();
    const at::Tensor sum_T1 = (dweights_TC * weights_TC).sum(1, true);
    at::Tensor dlogits_TX;
    if (scores_TX.defined()) {
      dlogits_TX = scores_TX * -sum_T1;
      dlogits_TX.scatter_add_(1, experts_TC, weights_TC * dweights_TC);
    } else {  // a softmax over the chosen alone
      dlogits_TX = at::zeros({x_TD.size(0), weight_XD.size(0)}, weights_TC.options());
      dlogits_TX.scatter_(1, experts_TC, weights_TC * (dweights_TC - sum_T1));
    }
    if (grad_XD.defined()) add_product(grad_XD, dlogits_TX.t(), x_TD.to(at::kFloat));
    count_product(dlogits_TX.size(0), dlogits_TX.size(1), weight_XD.size(1));
    return {at::mm(dlogits_TX, weight_XD.to(at::kFloat)).to(x_TD.scalar_type()), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor top_columns(const at::Tensor& values_TX, std::int64_t num_chosen) {
  INVARIANT(num_chosen >= 1 && num_chosen <= values_TX.size(1), "as many columns are chosen as there are, at most");
  if (values_TX.is_cpu()) return top_columns_cpu(values_TX, num_chosen);
  if (values_TX.is_meta()) return at::empty({values_TX.size(0), num_chosen}, values_TX.options().dtype(at::kLong));
  return std::get<1>(at::sort(values_TX, /*stable=*/true, /*dim=*/1, /*descending=*/true))
      .narrow(1, 0, num_chosen)
      .contiguous();
}

Routes route(const at::Tensor& x_TD, const Param& weight_XD, const RouterOptions& options) {
  INVARIANT(x_TD.dim() == 2 && x_TD.size(1) == weight_XD.value.size(1), "the router has a column for each input");
  if (!x_TD.requires_grad() || !at::GradMode::is_enabled()) {
    Scored scored = compute(x_TD, weight_XD.value, options);
    return {scored.experts_TC, scored.weights_TC};
  }
  const variable_list both = Route::apply(x_TD, weight_XD, options);
  return {both[0], both[1]};
}

}  // namespace muster::ops
