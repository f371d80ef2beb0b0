// Router, rows by expert, grouped products, sum by token. Letters: T tokens, D width, F width of an expert, X experts,
// L of them on this rank, R rows of tokens here, M rows for experts here.
#include "runtime/model/experts.h"

#include <ATen/ATen.h>

#include "runtime/base/text.h"
#include "runtime/comm/communicator.h"
#include "runtime/ops/expert_rows.h"
#include "runtime/ops/grouped_linear.h"
#include "runtime/ops/router.h"
#include "runtime/weights/float_parts.h"

namespace muster::model {
namespace {

/// A matrix of stacked experts as [L, rows, columns].
ops::Param by_expert(const ops::Param& stacked, std::int64_t num_experts) {
  const auto view = [&](const at::Tensor& rows) {
    return rows.defined() ? rows.view({num_experts, rows.size(0) / num_experts, rows.size(1)}) : rows;
  };
  return {view(stacked.value), view(stacked.grad)};
}

}  // namespace

Experts::Experts(const UnitWindows& windows, const spec::ModelFacts& facts, std::int64_t layer,
                 const parallel::ExpertLayout& layout) {
  const std::string mlp = base::text("model.layers.", layer, ".mlp.");
  const spec::Range own = layout.ep == nullptr ? spec::Range{0, facts.num_experts}
                                               : spec::experts_of(facts, layout.ep->size(), layout.ep->rank());
  const std::string first = base::text(mlp, "experts.", own.begin, "."),
                    last = base::text(mlp, "experts.", own.end - 1, ".");
  router_XD_ = windows.one(mlp + "gate.weight");
  if (facts.router_sigmoid) bias_3X_ = windows.one(mlp + "gate.e_score_correction_bias");
  if (facts.shared_intermediate_size > 0) shared_.emplace(windows, mlp + "shared_experts.");
  gate_up_LFD_ = by_expert(windows.rows(first + "gate_proj.weight", last + "up_proj.weight"), own.size());
  down_LDF_ = by_expert(windows.rows(first + "down_proj.weight", last + "down_proj.weight"), own.size());
}

at::Tensor Experts::forward(const ForwardPass& pass, const at::Tensor& normed_TD) const {
  const at::Tensor routed_TD = routed(pass, normed_TD);
  return shared_ ? routed_TD + shared_->forward(pass, normed_TD) : routed_TD;
}

at::Tensor Experts::routed(const ForwardPass& pass, const at::Tensor& normed_TD) const {
  const spec::ModelFacts& facts = pass.facts;
  const bool is_cut = pass.experts.cut_over_tp;
  const at::Tensor x_TD = is_cut ? parallel::all_tokens(pass.tp, pass.tokens, normed_TD)
                                 : parallel::own_tokens(pass.tp, pass.tokens, normed_TD);
  const at::Tensor bias_X = bias_3X_ ? weights::floats_of_parts(bias_3X_.value) : at::Tensor();
  const ops::Routes routes = ops::route(x_TD, router_XD_, bias_X,
                                        {.num_chosen = facts.experts_per_token,
                                         .normalize = facts.normalize_expert_weights,
                                         .type = pass.experts.router_type,
                                         .sigmoid = facts.router_sigmoid,
                                         .num_groups = facts.num_expert_groups,
                                         .top_groups = facts.top_expert_groups,
                                         .scale = facts.expert_weights_scale});
  const ops::ExpertRows rows = ops::rows_by_expert(routes.experts_TC, facts.num_experts);
  const parallel::Dispatch dispatch =
      parallel::plan_dispatch(pass.experts.ep, rows.choices.ends_X, routes.experts_TC.numel(),
                              at::GradMode::is_enabled() && x_TD.requires_grad());
  const at::Tensor x_MD = parallel::send_rows(dispatch, ops::spread_rows(x_TD, rows));
  const at::Tensor inner_MF = ops::swiglu(ops::grouped_linear(x_MD, gate_up_LFD_, dispatch.experts));
  const at::Tensor y_RD = parallel::return_rows(dispatch, ops::grouped_linear(inner_MF, down_LDF_, dispatch.experts));
  const at::Tensor y_TD = ops::combine_rows(y_RD, routes.weights_TC, rows);
  if (is_cut) return parallel::sum_rows(pass.tp, pass.tokens, y_TD, "layer.experts");
  return parallel::joined_tokens(pass.tp, pass.tokens, y_TD, normed_TD.size(0), "layer.experts");
}

}  // namespace muster::model
