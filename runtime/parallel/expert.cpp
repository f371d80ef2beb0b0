// All-to-all-v over ep, counts first. What arrives lies by rank and within it by expert, and is put in the order of the
// experts before it is multiplied. Letters: R rows of this rank's tokens, M rows for this rank's experts, D width, X
// experts, L of them on this rank, E ranks of ep.
#include "runtime/parallel/expert.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/base/error.h"
#include "runtime/comm/communicator.h"
#include "runtime/ops/on_host.h"
#include "runtime/parallel/mesh.h"
#include "runtime/spec/job.h"

namespace muster::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Counts = std::vector<std::int64_t>;

std::int64_t sum_of(const Counts& counts) { return std::accumulate(counts.begin(), counts.end(), std::int64_t{0}); }

at::Tensor exchanged(comm::Communicator& ep, const at::Tensor& x, const Counts& sent, const Counts& received,
                     std::string_view label) {
  at::Tensor arrived = at::empty({sum_of(received), x.size(1)}, x.options());
  ep.all_to_all_v(arrived, received, x.contiguous(), sent, label);
  return arrived;
}

struct Exchange : torch::autograd::Function<Exchange> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, comm::Communicator* ep, const Counts& sent,
                            const Counts& received, std::string_view label) {
    context->saved_data["ep"] = reinterpret_cast<std::int64_t>(ep);
    context->saved_data["sent"] = sent;
    context->saved_data["received"] = received;
    return exchanged(*ep, x, sent, received, label);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    auto& ep = *reinterpret_cast<comm::Communicator*>(context->saved_data["ep"].toInt());
    return {exchanged(ep, gradients[0], context->saved_data["received"].toIntVector(),
                      context->saved_data["sent"].toIntVector(), "ep.gradients"),
            at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

at::Tensor exchange_rows(comm::Communicator& ep, const at::Tensor& x, const Counts& sent, const Counts& received,
                         std::string_view label) {
  if (at::GradMode::is_enabled() && x.requires_grad()) return Exchange::apply(x, &ep, sent, received, label);
  return exchanged(ep, x, sent, received, label);
}

double rehearsed_skew = 1;

/// What stands in for counts in a rehearsal: every rank has as many rows, those of one rank fall on its experts evenly.
Counts rehearsed_counts(std::int64_t num_rows, std::int64_t num_experts, const spec::Range& own, std::int64_t ranks) {
  const auto share = static_cast<double>(num_rows) / static_cast<double>(ranks);
  const std::int64_t to_this = std::min(num_rows, static_cast<std::int64_t>(std::llround(rehearsed_skew * share)));
  const std::int64_t here = own.size();
  Counts counts;
  for (std::int64_t x = 0; x < num_experts; ++x) {
    const bool is_own = x >= own.begin && x < own.end;
    const std::int64_t other = x < own.begin ? x : x - here;
    counts.push_back(is_own ? spec::part_of(to_this, here, x - own.begin).size()
                            : spec::part_of(num_rows - to_this, num_experts - here, other).size());
  }
  for (std::int64_t rank = 0; rank < ranks; ++rank)
    for (std::int64_t x = 0; x < here; ++x) counts.push_back(spec::part_of(to_this, here, x).size());
  return counts;
}

/// Rows of each expert that this rank sends, then rows that each rank sends to each expert here.
Counts counts_on_host(const at::Tensor& counts_2X, std::int64_t num_rows, std::int64_t num_experts,
                      const spec::Range& own, std::int64_t ranks) {
  const at::Tensor host = ops::on_host(counts_2X);
  if (counts_2X.is_meta()) return rehearsed_counts(num_rows, num_experts, own, ranks);
  const auto* const begin = host.const_data_ptr<std::int64_t>();
  return {begin, begin + host.numel()};
}

/// Where the rows of each of L experts end, from what each rank sends to them: `counts` from `begin` on, rank by rank.
at::Tensor host_ends(const Counts& counts, std::int64_t begin, std::int64_t L) {
  at::Tensor ends_L = at::zeros({L}, at::kInt);
  auto* const ends = ends_L.mutable_data_ptr<std::int32_t>();
  for (std::int64_t i = begin; i < std::ssize(counts); ++i)
    ends[(i - begin) % L] += static_cast<std::int32_t>(counts[i]);
  std::partial_sum(ends, ends + L, ends);
  return ends_L;
}

}  // namespace

void set_rehearsed_skew(double times) { rehearsed_skew = times; }

ExpertLayout expert_layout(Mesh& mesh, const spec::MoeJob& moe) {
  if (!mesh.has_experts()) return {};
  INVARIANT(moe.dispatcher == "alltoall", "rows travel by all-to-all");
  return {.ep = &mesh.ep(),
          .cut_over_tp = spec::experts_are_cut(mesh.degrees()),
          .router_type = moe.router_dtype == "fp64" ? at::kDouble : at::kFloat};
}

Dispatch plan_dispatch(comm::Communicator* ep, const at::Tensor& ends_X, std::int64_t num_rows, bool has_backward) {
  if (ep == nullptr || ep->size() == 1)
    return {.experts = {ends_X, has_backward ? ops::on_host(ends_X) : at::Tensor()}};
  const std::int64_t X = ends_X.numel(), E = ep->size(), L = X / E;
  INVARIANT(X % E == 0, "each rank of ep holds as many experts");
  const spec::Range own{ep->rank() * L, (ep->rank() + 1) * L};
  const at::Tensor ends = ends_X.to(at::kLong), none = at::zeros({1}, ends.options());
  const at::Tensor counts_X = ends - at::cat({none, ends.narrow(0, 0, X - 1)});
  at::Tensor arriving_EL = at::empty({X}, counts_X.options());
  const Counts even(static_cast<std::size_t>(E), L);
  ep->all_to_all_v(arriving_EL, even, counts_X, even, "ep.counts");
  const Counts counts = counts_on_host(at::cat({counts_X, arriving_EL}), num_rows, X, own, E);

  Dispatch dispatch{.ep = ep};
  for (std::int64_t rank = 0; rank < E; ++rank) {
    const auto sent = counts.begin() + rank * L, received = sent + X;
    dispatch.sent.push_back(std::accumulate(sent, sent + L, std::int64_t{0}));
    dispatch.received.push_back(std::accumulate(received, received + L, std::int64_t{0}));
  }
  const std::int64_t M = sum_of(dispatch.received);
  if (ends_X.is_meta()) {
    dispatch.arrivals = ops::group_by(at::empty({M}, counts_X.options()), L);
  } else {
    const at::Tensor experts_EL = at::arange(L, counts_X.options()).repeat({E});
    dispatch.arrivals = ops::group_by(at::repeat_interleave(experts_EL, arriving_EL, 0, M), L);
  }
  dispatch.experts = {dispatch.arrivals.ends_X, host_ends(counts, X, L)};
  return dispatch;
}

at::Tensor send_rows(const Dispatch& dispatch, const at::Tensor& x_RD) {
  if (dispatch.ep == nullptr) return x_RD;
  const at::Tensor arrived_MD = exchange_rows(*dispatch.ep, x_RD, dispatch.sent, dispatch.received, "ep.to_experts");
  return ops::permute_rows(arrived_MD, dispatch.arrivals.order_R, dispatch.arrivals.places_R);
}

at::Tensor return_rows(const Dispatch& dispatch, const at::Tensor& y_MD) {
  if (dispatch.ep == nullptr) return y_MD;
  const at::Tensor leaving_MD = ops::permute_rows(y_MD, dispatch.arrivals.places_R, dispatch.arrivals.order_R);
  return exchange_rows(*dispatch.ep, leaving_MD, dispatch.received, dispatch.sent, "ep.from_experts");
}

}  // namespace muster::parallel
