// Letters: T tokens of this rank, J keys of all ranks, H query heads, K key/value heads, E head width; h heads of one
// gathering.
#include "runtime/parallel/context.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/comm/communicator.h"
#include "runtime/device/stream.h"
#include "runtime/ops/attention_forms.h"
#include "runtime/ops/flops.h"

namespace muster::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::int64_t own_length(const std::vector<ops::Segment>& segments, std::int64_t cp, std::int64_t cp_rank) {
  std::int64_t length = 0;
  for (const ops::Segment& segment : segments)
    for (const spec::Range& chunk : context_chunks(segment.length, cp, cp_rank)) length += chunk.size();
  return length;
}

/// The spans of one rank, and the row's tokens behind them.
void add_chunks(const std::vector<ops::Segment>& segments, std::int64_t cp, std::int64_t cp_rank, ContextShare& share) {
  for (const ops::Segment& segment : segments) {
    for (const spec::Range& chunk : context_chunks(segment.length, cp, cp_rank)) {
      if (chunk.size() == 0) continue;
      const ops::Segment prefix = segment.prefix < 0 ? ops::Segment() : segments[segment.prefix];
      share.spans.push_back({.begin = std::ssize(share.tokens),
                             .length = chunk.size(),
                             .keys = segment.begin,
                             .num_keys = chunk.end,
                             .prefix = prefix.begin,
                             .prefix_keys = prefix.length});
      for (std::int64_t token = chunk.begin; token < chunk.end; ++token) share.tokens.push_back(segment.begin + token);
    }
  }
}

/// Heads that are gathered at once.
struct Heads {
  std::int64_t begin = 0, count = 0;  // of keys and values
  std::int64_t group = 1;             // query heads that a key/value head serves

  at::Tensor of_keys(const at::Tensor& x) const { return x.narrow(1, begin, count).contiguous(); }
  at::Tensor of_queries(const at::Tensor& x) const { return x.narrow(1, begin * group, count * group).contiguous(); }
  at::Tensor in_keys(const at::Tensor& x) const { return x.narrow(1, begin, count); }
  at::Tensor in_queries(const at::Tensor& x) const { return x.narrow(1, begin * group, count * group); }
};

std::vector<Heads> pieces_of(const ContextShare& share, const at::Tensor& q_THE, const at::Tensor& k_TKE) {
  const std::int64_t K = k_TKE.size(1), group = q_THE.size(1) / K;
  const std::int64_t at_once =
      spec::context_heads(share.gathered_of_key_J.numel(), K, k_TKE.size(2),
                          static_cast<std::int64_t>(k_TKE.element_size()), share.keys_at_once_bytes);
  std::vector<Heads> pieces;
  for (std::int64_t begin = 0; begin < K; begin += at_once)
    pieces.push_back({begin, std::min(at_once, K - begin), group});
  return pieces;
}

/// Keys and values of some heads on their way from all ranks.
struct Gathering {
  at::Tensor own_k_ThE, own_v_ThE, all_k_JhE, all_v_JhE;
  device::Event arrived = device::Event(device::Device{});
};

struct Labels {
  std::string_view keys, values;
};
constexpr Labels kForward{"cp.keys", "cp.values"}, kBackward{"cp.keys_again", "cp.values_again"};

Gathering begin_gathering(comm::Communicator& cp, const Heads& heads, const at::Tensor& k_TKE, const at::Tensor& v_TKE,
                          const Labels& labels) {
  Gathering begun{.own_k_ThE = heads.of_keys(k_TKE), .own_v_ThE = heads.of_keys(v_TKE)};
  begun.all_k_JhE = at::empty({k_TKE.size(0) * cp.size(), heads.count, k_TKE.size(2)}, k_TKE.options());
  begun.all_v_JhE = at::empty_like(begun.all_k_JhE);
  begun.arrived = cp.overlapped([&] {
    cp.all_gather(begun.all_k_JhE, begun.own_k_ThE, labels.keys);
    cp.all_gather(begun.all_v_JhE, begun.own_v_ThE, labels.values);
  });
  return begun;
}

/// Keys and values of all ranks, in the order of the row.
std::pair<at::Tensor, at::Tensor> end_gathering(Gathering begun, const ContextShare& share) {
  begun.arrived.block(device::current_stream(begun.arrived.device()));
  const auto in_order = [&](at::Tensor& all_JhE) {
    return std::exchange(all_JhE, at::Tensor()).index_select(0, share.gathered_of_key_J);
  };
  at::Tensor k_JhE = in_order(begun.all_k_JhE);
  return {k_JhE, in_order(begun.all_v_JhE)};
}

/// body(heads, k_JhE, v_JhE) for one piece after another; while it works on one the next is gathered.
template <class Body>
void for_gathered_heads(comm::Communicator& cp, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                        const at::Tensor& v_TKE, const ContextShare& share, const Labels& labels, const Body& body) {
  const std::vector<Heads> pieces = pieces_of(share, q_THE, k_TKE);
  Gathering next = begin_gathering(cp, pieces[0], k_TKE, v_TKE, labels);
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    auto [k_JhE, v_JhE] = end_gathering(std::move(next), share);
    if (p + 1 < pieces.size()) next = begin_gathering(cp, pieces[p + 1], k_TKE, v_TKE, labels);
    body(pieces[p], std::move(k_JhE), std::move(v_JhE));
  }
}

/// This rank's part of the sum over cp.
at::Tensor scattered(comm::Communicator& cp, const at::Tensor& dx_JhE, const ContextShare& share,
                     std::string_view label) {
  at::Tensor own_ThE = at::empty({dx_JhE.size(0) / cp.size(), dx_JhE.size(1), dx_JhE.size(2)}, dx_JhE.options());
  cp.reduce_scatter(own_ThE, dx_JhE.index_select(0, share.key_of_gathered_J), comm::Reduce::sum, label);
  return own_ThE;
}

/// Returns {o_THE, lse_TH}.
std::pair<at::Tensor, at::Tensor> attended(comm::Communicator& cp, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                                           const at::Tensor& v_TKE, const ContextShare& share) {
  ops::count_flops(ops::attention_flops(share.spans, q_THE.size(1), q_THE.size(2)));
  std::vector<at::Tensor> outputs, sums;
  for_gathered_heads(cp, q_THE, k_TKE, v_TKE, share, kForward,
                     [&](const Heads& heads, const at::Tensor& k_JhE, const at::Tensor& v_JhE) {
                       auto [o, lse] = ops::packed_attention_forward_kernels().for_device_of(q_THE)(
                           heads.of_queries(q_THE), k_JhE, v_JhE, share.spans);
                       outputs.push_back(o);
                       sums.push_back(lse);
                     });
  if (outputs.size() == 1) return {outputs[0], sums[0]};
  return {at::cat(outputs, 1), at::cat(sums, 1)};
}

struct ContextAttention : torch::autograd::Function<ContextAttention> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                            const at::Tensor& v_TKE, comm::Communicator* cp, const ContextShare* share) {
    auto [o_THE, lse_TH] = attended(*cp, q_THE, k_TKE, v_TKE, *share);
    context->save_for_backward({q_THE, k_TKE, v_TKE, o_THE, lse_TH});
    context->saved_data["cp"] = reinterpret_cast<std::int64_t>(cp);
    context->saved_data["share"] = reinterpret_cast<std::int64_t>(share);
    return o_THE;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    comm::Communicator& cp = *reinterpret_cast<comm::Communicator*>(context->saved_data["cp"].toInt());
    const ContextShare& share = *reinterpret_cast<const ContextShare*>(context->saved_data["share"].toInt());
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &q_THE = saved[0], &k_TKE = saved[1], &v_TKE = saved[2], &o_THE = saved[3], &lse_TH = saved[4];
    ops::count_flops(2 * ops::attention_flops(share.spans, q_THE.size(1), q_THE.size(2)));
    at::Tensor dq_THE = at::empty_like(q_THE), dk_TKE = at::empty_like(k_TKE), dv_TKE = at::empty_like(v_TKE);
    const auto differentiate = [&](const Heads& heads, at::Tensor k_JhE, at::Tensor v_JhE) {
      const ops::Heads slopes = ops::packed_attention_backward_kernels().for_device_of(q_THE)(
          heads.of_queries(gradients[0]), heads.of_queries(q_THE), k_JhE, v_JhE, heads.of_queries(o_THE),
          heads.of_queries(lse_TH), share.spans);
      k_JhE = v_JhE = at::Tensor();
      heads.in_queries(dq_THE).copy_(slopes.q_THE);
      heads.in_keys(dk_TKE).copy_(scattered(cp, slopes.k_TKE, share, "cp.key_gradients"));
      heads.in_keys(dv_TKE).copy_(scattered(cp, slopes.v_TKE, share, "cp.value_gradients"));
    };
    for_gathered_heads(cp, q_THE, k_TKE, v_TKE, share, kBackward, differentiate);
    return {dq_THE, dk_TKE, dv_TKE, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

std::array<spec::Range, 2> context_chunks(std::int64_t length, std::int64_t cp, std::int64_t cp_rank) {
  return {spec::part_of(length, 2 * cp, cp_rank), spec::part_of(length, 2 * cp, 2 * cp - 1 - cp_rank)};
}

ContextShare context_share(const std::vector<ops::Segment>& segments, std::int64_t cp, std::int64_t cp_rank,
                           std::int64_t multiple, at::Device device) {
  std::int64_t row = 0, most = 1;
  for (const ops::Segment& segment : segments) row += segment.length;
  for (std::int64_t r = 0; r < cp; ++r) most = std::max(most, own_length(segments, cp, r));
  const std::int64_t T = spec::divided_up(most, multiple) * multiple;

  ContextShare own;
  std::vector<std::int64_t> gathered_of_key(static_cast<std::size_t>(cp * T)), key_of_gathered(gathered_of_key.size());
  std::int64_t next_filler = row;  // keys that fill the ranks up lie behind those of the row
  for (std::int64_t r = 0; r < cp; ++r) {
    ContextShare share;
    add_chunks(segments, cp, r, share);
    const std::int64_t held = std::ssize(share.tokens), fillers = T - held;
    if (fillers > 0)
      share.spans.push_back({.begin = held, .length = fillers, .keys = next_filler, .num_keys = fillers});
    share.tokens.resize(static_cast<std::size_t>(T), -1);
    for (std::int64_t t = 0; t < T; ++t) {
      const std::int64_t key = t < held ? share.tokens[t] : next_filler++;
      gathered_of_key[key] = r * T + t;
      key_of_gathered[r * T + t] = key;
    }
    if (r == cp_rank) own = std::move(share);
  }
  own.gathered_of_key_J = at::tensor(gathered_of_key, at::kLong).to(device);
  own.key_of_gathered_J = at::tensor(key_of_gathered, at::kLong).to(device);
  return own;
}

at::Tensor context_attention(comm::Communicator& cp, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                             const at::Tensor& v_TKE, const std::vector<ops::Segment>& segments,
                             const ContextShare& share) {
  if (cp.size() == 1) return ops::packed_attention(q_THE, k_TKE, v_TKE, segments);
  INVARIANT(q_THE.size(0) == std::ssize(share.tokens), "attention is over this rank's tokens");
  if (!at::GradMode::is_enabled() || !(q_THE.requires_grad() || k_TKE.requires_grad() || v_TKE.requires_grad()))
    return attended(cp, q_THE, k_TKE, v_TKE, share).first;
  return ContextAttention::apply(q_THE, k_TKE, v_TKE, &cp, &share);
}

}  // namespace muster::parallel
