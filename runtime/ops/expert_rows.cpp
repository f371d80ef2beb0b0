// Rows are gathered in both directions, never scattered: sums have one order on every device. Letters: T tokens, C
// experts of a token, R = T C rows, D width, X experts.
#include "runtime/ops/expert_rows.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/ops/threads.h"

namespace muster::ops {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool wants_gradient(const at::Tensor& x) { return at::GradMode::is_enabled() && x.requires_grad(); }

Grouped group_on_cpu(const at::Tensor& groups_R, std::int64_t num_groups) {
  const at::Tensor groups = groups_R.contiguous();
  const std::int64_t R = groups.numel();
  Grouped grouped{at::empty({R}, at::kLong), at::empty({R}, at::kLong), at::empty({num_groups}, at::kInt)};
  const auto* const group = groups.const_data_ptr<std::int64_t>();
  auto *const order = grouped.order_R.mutable_data_ptr<std::int64_t>(), *const places =
                                                                            grouped.places_R
                                                                                .mutable_data_ptr<std::int64_t>();
  auto* const ends = grouped.ends_X.mutable_data_ptr<std::int32_t>();
  std::vector<std::int64_t> next(static_cast<std::size_t>(num_groups) + 1, 0);
  for (std::int64_t r = 0; r < R; ++r) {
    INVARIANT(group[r] >= 0 && group[r] < num_groups, "each member belongs to a group");
    ++next[group[r] + 1];
  }
  for (std::int64_t x = 0; x < num_groups; ++x) {
    next[x + 1] += next[x];
    ends[x] = static_cast<std::int32_t>(next[x + 1]);
  }
  for (std::int64_t r = 0; r < R; ++r) {
    places[r] = next[group[r]]++;
    order[places[r]] = r;
  }
  return grouped;
}

/// The tokens' rows with the weight of each: sums[t] += weight * rows[places[t, c]], float32. weights: null for 1.
void sum_on_cpu(const float* rows, const std::int64_t* places, const float* weights, std::int64_t C, std::int64_t D,
                float* sums, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    float* const sum = sums + t * D;
    for (std::int64_t c = 0; c < C; ++c) {
      const float* const row = rows + places[t * C + c] * D;
      const float weight = weights == nullptr ? 1.0F : weights[t * C + c];
      if (c == 0)
        for (std::int64_t d = 0; d < D; ++d) sum[d] = weight * row[d];
      else
        for (std::int64_t d = 0; d < D; ++d) sum[d] += weight * row[d];
    }
  }
}

/// weights_TC undefined: 1.
at::Tensor summed(const at::Tensor& y_RD, const at::Tensor& weights_TC, const ExpertRows& rows) {
  const std::int64_t C = rows.num_chosen, T = rows.choices.places_R.numel() / C, D = y_RD.size(1);
  if (y_RD.is_cpu() && y_RD.scalar_type() == at::kFloat) {
    const at::Tensor y = y_RD.contiguous(), weights = weights_TC.defined() ? weights_TC.contiguous() : weights_TC;
    at::Tensor sums_TD = at::empty({T, D}, y.options());
    const auto* const places = rows.choices.places_R.const_data_ptr<std::int64_t>();
    const float* const factors = weights.defined() ? weights.const_data_ptr<float>() : nullptr;
    float* const out = sums_TD.mutable_data_ptr<float>();
    parallel_rows(T, std::max<std::int64_t>(1, 16384 / (C * D)), [&](std::int64_t begin, std::int64_t end, int) {
      sum_on_cpu(y.const_data_ptr<float>(), places, factors, C, D, out, begin, end);
    });
    return sums_TD;
  }
  const at::ScalarType wide = y_RD.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor places_TC = rows.choices.places_R.view({T, C});
  at::Tensor sums_TD = at::zeros({T, D}, y_RD.options().dtype(wide));
  for (std::int64_t c = 0; c < C; ++c) {
    const at::Tensor row_TD = y_RD.index_select(0, places_TC.select(1, c).contiguous());
    if (weights_TC.defined())
      sums_TD.addcmul_(row_TD.to(wide), weights_TC.narrow(1, c, 1).to(wide));
    else
      sums_TD.add_(row_TD);
  }
  return sums_TD.to(y_RD.scalar_type());
}

/// The token of each row.
at::Tensor tokens_of(const ExpertRows& rows) {
  return rows.num_chosen == 1 ? rows.choices.order_R : rows.choices.order_R.div(rows.num_chosen, "floor");
}

void keep(AutogradContext* context, const ExpertRows& rows) {
  context->saved_data["num_chosen"] = rows.num_chosen;
  context->saved_data["order"] = rows.choices.order_R;
  context->saved_data["places"] = rows.choices.places_R;
}
ExpertRows kept(AutogradContext* context) {
  return {context->saved_data["num_chosen"].toInt(),
          {context->saved_data["order"].toTensor(), context->saved_data["places"].toTensor(), at::Tensor()}};
}

struct Spread : torch::autograd::Function<Spread> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_TD, const ExpertRows& rows) {
    keep(context, rows);
    return x_TD.index_select(0, tokens_of(rows));
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {summed(gradients[0], at::Tensor(), kept(context)), at::Tensor()};
  }
};

struct Combine : torch::autograd::Function<Combine> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& y_RD, const at::Tensor& weights_TC,
                            const ExpertRows& rows) {
    context->save_for_backward({y_RD, weights_TC});
    keep(context, rows);
    return summed(y_RD, weights_TC, rows);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &y_RD = saved[0], &weights_TC = saved[1], &dy_TD = gradients[0];
    const ExpertRows rows = kept(context);
    const std::int64_t T = weights_TC.size(0), C = weights_TC.size(1);
    at::Tensor drows_RD = dy_TD.index_select(0, tokens_of(rows));
    const at::Tensor dweights_R =
        (drows_RD * y_RD).sum(1, false, at::kFloat).index_select(0, rows.choices.places_R);  // by choice
    drows_RD.mul_(weights_TC.reshape({T * C}).index_select(0, rows.choices.order_R).unsqueeze(1));
    return {drows_RD, dweights_R.view({T, C}), at::Tensor()};
  }
};

struct Permute : torch::autograd::Function<Permute> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_RD, const at::Tensor& order_R,
                            const at::Tensor& places_R) {
    context->saved_data["places"] = places_R;
    return x_RD.index_select(0, order_R);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {gradients[0].index_select(0, context->saved_data["places"].toTensor()), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

Grouped group_by(const at::Tensor& groups_R, std::int64_t num_groups) {
  if (groups_R.is_cpu()) return group_on_cpu(groups_R, num_groups);
  const std::int64_t R = groups_R.numel();
  const auto number = groups_R.options();
  if (groups_R.is_meta())
    return {at::empty({R}, number), at::empty({R}, number), at::empty({num_groups}, number.dtype(at::kInt))};
  const auto [sorted_R, order_R] = at::sort(groups_R, /*stable=*/true, /*dim=*/0, /*descending=*/false);
  const at::Tensor places_R = at::empty({R}, number).scatter_(0, order_R, at::arange(R, number));
  const at::Tensor ends_X = at::searchsorted(sorted_R, at::arange(num_groups, number), /*out_int32=*/true,
                                             /*right=*/true);
  return {order_R, places_R, ends_X};
}

ExpertRows rows_by_expert(const at::Tensor& experts_TC, std::int64_t num_experts) {
  return {experts_TC.size(1), group_by(experts_TC.reshape({experts_TC.numel()}), num_experts)};
}

at::Tensor spread_rows(const at::Tensor& x_TD, const ExpertRows& rows) {
  return wants_gradient(x_TD) ? Spread::apply(x_TD, rows) : x_TD.index_select(0, tokens_of(rows));
}

at::Tensor combine_rows(const at::Tensor& y_RD, const at::Tensor& weights_TC, const ExpertRows& rows) {
  INVARIANT(y_RD.size(0) == weights_TC.numel() && weights_TC.size(1) == rows.num_chosen, "each choice has its row");
  if (wants_gradient(y_RD) || wants_gradient(weights_TC)) return Combine::apply(y_RD, weights_TC, rows);
  return summed(y_RD, weights_TC, rows);
}

at::Tensor permute_rows(const at::Tensor& x_RD, const at::Tensor& order_R, const at::Tensor& places_R) {
  return wants_gradient(x_RD) ? Permute::apply(x_RD, order_R, places_R) : x_RD.index_select(0, order_R);
}

}  // namespace muster::ops
