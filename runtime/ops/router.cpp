// Scores, choice and weights of experts, with a backward by hand: kept are the input, what was chosen, and all scores
// only where a softmax's weights do not sum to 1. Letters: T tokens, D width, X experts in G groups, C chosen ones of a
// token.
#include "runtime/ops/router.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>

#include "runtime/base/error.h"
#include "runtime/ops/flops.h"
#include "runtime/ops/layers.h"
#include "runtime/ops/threads.h"

namespace muster::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kRowsOfAThread = 256;
constexpr std::int64_t kBestOfGroup = 2;    // whose sum is what a group is worth
constexpr double kLeastSigmoidSum = 1e-20;  // added before weights are divided, as the published models have it

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

/// Minus infinity for experts outside the best groups.
at::Tensor within_best_groups(const at::Tensor& values_TX, const RouterOptions& options) {
  const std::int64_t T = values_TX.size(0), G = options.num_groups, members = values_TX.size(1) / G;
  if (options.top_groups == G) return values_TX;
  INVARIANT(members * G == values_TX.size(1), "each group has as many experts");
  const at::Tensor values_TGM = values_TX.view({T, G, members});
  const at::Tensor worth_TG = std::get<0>(values_TGM.topk(std::min(kBestOfGroup, members), 2)).sum(2);
  const at::Tensor is_in_TG = at::zeros({T, G}, values_TX.options().dtype(at::kBool))
                                  .scatter_(1, top_columns(worth_TG, options.top_groups), true);
  const at::Tensor none = at::full({1}, -std::numeric_limits<double>::infinity(), values_TX.options());
  return at::where(is_in_TG.unsqueeze(2), values_TGM, none).view({T, G * members});
}

struct Scored {
  at::Tensor scores_TX, chosen_TC, experts_TC, weights_TC;  // float32 but for the experts; chosen: of the scores
};

Scored compute(const at::Tensor& x_TD, const at::Tensor& weight_XD, const at::Tensor& bias_X,
               const RouterOptions& options) {
  count_product(x_TD.size(0), x_TD.size(1), weight_XD.size(0));
  const at::Tensor logits_TX = at::mm(x_TD.to(options.type), weight_XD.to(options.type).t());
  const at::Tensor scores_TX = options.sigmoid ? at::sigmoid(logits_TX) : at::softmax(logits_TX, 1);
  // A softmax keeps the order of the logits, but rounds some that differ to the same.
  at::Tensor values_TX = options.sigmoid ? scores_TX : logits_TX;
  if (bias_X.defined()) values_TX = values_TX + bias_X.to(options.type);
  const at::Tensor experts_TC = top_columns(within_best_groups(values_TX, options), options.num_chosen);
  const at::Tensor chosen_TC = scores_TX.gather(1, experts_TC);
  at::Tensor weights_TC = chosen_TC;
  if (options.normalize) weights_TC = chosen_TC / (chosen_TC.sum(1, true) + (options.sigmoid ? kLeastSigmoidSum : 0));
  if (options.scale != 1) weights_TC = weights_TC * options.scale;
  return {scores_TX.to(at::kFloat), chosen_TC.to(at::kFloat), experts_TC, weights_TC.to(at::kFloat)};
}

/// The gradient of the logits of the chosen, from that of their weights: [T, C].
at::Tensor sigmoid_slopes(const at::Tensor& dweights_TC, const at::Tensor& weights_TC, const at::Tensor& chosen_TC,
                          bool normalize, double scale) {
  at::Tensor dchosen_TC = dweights_TC * scale;
  if (normalize) {
    const at::Tensor sum_T1 = chosen_TC.sum(1, true) + kLeastSigmoidSum;
    dchosen_TC = (dchosen_TC - (dweights_TC * weights_TC).sum(1, true)) / sum_T1;
  }
  return dchosen_TC * chosen_TC * (1 - chosen_TC);
}

/// The gradient of all logits, from that of the chosen ones' weights before they are scaled: [T, X]. scores_TX:
/// undefined where weights sum to 1, which are a softmax over the chosen alone.
at::Tensor softmax_slopes(const at::Tensor& dweights_TC, const at::Tensor& weights_TC, const at::Tensor& experts_TC,
                          const at::Tensor& scores_TX, std::int64_t num_experts) {
  const at::Tensor sum_T1 = (dweights_TC * weights_TC).sum(1, true);
  if (scores_TX.defined()) return (scores_TX * -sum_T1).scatter_add_(1, experts_TC, weights_TC * dweights_TC);
  return at::zeros({experts_TC.size(0), num_experts}, weights_TC.options())
      .scatter_(1, experts_TC, weights_TC * (dweights_TC - sum_T1));
}

struct Route : torch::autograd::Function<Route> {
  static variable_list forward(AutogradContext* context, const at::Tensor& x_TD, const Param& weight_XD,
                               const Param& bias_X, const RouterOptions& options) {
    const Scored scored = compute(x_TD, weight_XD.value, bias_X.value, options);
    const bool needs_all = !options.sigmoid && !options.normalize;
    context->save_for_backward({x_TD, weight_XD.value, scored.experts_TC, scored.weights_TC,
                                needs_all ? scored.scores_TX : at::Tensor(),
                                options.sigmoid ? scored.chosen_TC : at::Tensor()});
    context->saved_data["grad"] = weight_XD.grad;
    context->saved_data["normalize"] = options.normalize;
    context->saved_data["scale"] = options.scale;
    context->mark_non_differentiable({scored.experts_TC});
    return {scored.experts_TC, scored.weights_TC};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x_TD = saved[0], &weight_XD = saved[1], &experts_TC = saved[2], &weights_TC = saved[3],
                     &scores_TX = saved[4], &chosen_TC = saved[5], &dweights_TC = gradients[1];
    at::Tensor grad_XD = context->saved_data["grad"].toTensor();
    const double scale = context->saved_data["scale"].toDouble();
    const std::int64_t X = weight_XD.size(0);
    at::Tensor dlogits_TX;
    if (chosen_TC.defined()) {
      const bool normalize = context->saved_data["normalize"].toBool();
      dlogits_TX = at::zeros({x_TD.size(0), X}, weights_TC.options())
                       .scatter_(1, experts_TC, sigmoid_slopes(dweights_TC, weights_TC, chosen_TC, normalize, scale));
    } else {
      dlogits_TX = softmax_slopes(dweights_TC * scale, weights_TC / scale, experts_TC, scores_TX, X);
    }
    if (grad_XD.defined()) add_product(grad_XD, dlogits_TX.t(), x_TD.to(at::kFloat));
    count_product(dlogits_TX.size(0), dlogits_TX.size(1), weight_XD.size(1));
    return {at::mm(dlogits_TX, weight_XD.to(at::kFloat)).to(x_TD.scalar_type()), at::Tensor(), at::Tensor(),
            at::Tensor()};
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

Routes route(const at::Tensor& x_TD, const Param& weight_XD, const at::Tensor& bias_X, const RouterOptions& options) {
  INVARIANT(x_TD.dim() == 2 && x_TD.size(1) == weight_XD.value.size(1), "the router has a column for each input");
  if (!x_TD.requires_grad() || !at::GradMode::is_enabled()) {
    Scored scored = compute(x_TD, weight_XD.value, bias_X, options);
    return {scored.experts_TC, scored.weights_TC};
  }
  const variable_list both = Route::apply(x_TD, weight_XD, Param{bias_X, {}}, options);
  return {both[0], both[1]};
}

}  // namespace muster::ops
