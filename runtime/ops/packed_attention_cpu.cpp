// The CPU form of packed attention: one task for each family of spans (those that begin with the same keys) and
// key/value head, so that the gradients of a key are summed by one thread. Letters: T tokens, H query heads, K
// key/value heads, E head width.
#include <ATen/ATen.h>

#include <cmath>
#include <map>

#include "runtime/base/error.h"
#include "runtime/ops/attention_forms.h"
#include "runtime/ops/cpu_tensors.h"
#include "runtime/ops/kernels/kernels.h"
#include "runtime/ops/threads.h"

namespace muster::ops::cpu {
namespace {

/// Spans that begin with the same keys: a prefix and what sees it, chunks of one sequence.
struct Family {
  std::int64_t first_keys = 0, num_first = 0;
  std::vector<SpanLoop> spans;
  std::int64_t keys = 0;  // the most that a query sees
  double work = 0;        // queries times keys, for the order of tasks
};

std::vector<Family> families_of(const std::vector<AttentionSpan>& spans) {
  std::vector<Family> families;
  std::map<std::int64_t, std::size_t> family_of;  // by first key
  for (const AttentionSpan& span : spans) {
    const bool sees_first = span.prefix_keys > 0;
    const std::int64_t first = sees_first ? span.prefix : span.keys;
    const auto [found, is_new] = family_of.try_emplace(first, families.size());
    if (is_new) families.push_back({.first_keys = first});
    Family& family = families[found->second];
    family.num_first = std::max(family.num_first, sees_first ? span.prefix_keys : span.num_keys);
    family.keys = std::max(family.keys, span.prefix_keys + span.num_keys);
    family.work += static_cast<double>(span.length) *
                   (static_cast<double>(span.prefix_keys + span.num_keys) - 0.5 * static_cast<double>(span.length));
    // In the order of the keys: those of the prefix come first.
    const SpanLoop loop{span.begin, span.length, span.keys, span.num_keys, sees_first};
    family.spans.insert(sees_first ? family.spans.end() : family.spans.begin(), loop);
  }
  for (const AttentionSpan& span : spans)
    INVARIANT(span.prefix_keys == 0 || span.prefix_keys == families[family_of.at(span.prefix)].num_first,
              "spans that see a prefix see all of it");
  return families;
}

/// Longest first, when several threads share them.
void run_families(const std::vector<Family>& families, AttentionLoop loop, void (*kernel)(const AttentionLoop&)) {
  std::int64_t keys = 0;
  for (const Family& family : families) keys = std::max(keys, family.keys);
  std::vector<std::size_t> order(families.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  if (num_threads() > 1)
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return families[a].work > families[b].work; });
  const auto floats =
      static_cast<std::size_t>(attention_scratch(keys, loop.num_heads, loop.num_kv_heads, loop.head_dim));
  std::vector<std::vector<float>> scratch(static_cast<std::size_t>(num_threads()));
  parallel_tasks(std::ssize(families) * loop.num_kv_heads, [&](std::int64_t task, int thread) {
    const Family& family = families[order[task / loop.num_kv_heads]];
    auto& own = scratch[thread];
    if (own.empty()) own.assign(floats, 0.0f);
    AttentionLoop part = loop;
    part.spans = family.spans.data();
    part.num_spans = static_cast<Index>(family.spans.size());
    part.first_keys = family.first_keys;
    part.num_first = family.num_first;
    part.kv_head = task % loop.num_kv_heads;
    part.scratch = own.data();
    kernel(part);
  });
}

AttentionLoop loop_of(const at::Tensor& q_THE, const at::Tensor& k_TKE, const at::Tensor& v_TKE) {
  AttentionLoop loop{};
  loop.num_heads = q_THE.size(1);
  loop.num_kv_heads = k_TKE.size(1);
  loop.head_dim = q_THE.size(2);
  loop.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(loop.head_dim)));
  loop.q_THE = data_of(q_THE);
  loop.k_TKE = data_of(k_TKE);
  loop.v_TKE = data_of(v_TKE);
  return loop;
}

}  // namespace

std::pair<at::Tensor, at::Tensor> packed_attention_forward(const at::Tensor& q_in, const at::Tensor& k_in,
                                                           const at::Tensor& v_in,
                                                           const std::vector<AttentionSpan>& spans) {
  const at::Tensor q_THE = as_float(q_in), k_TKE = as_float(k_in), v_TKE = as_float(v_in);
  at::Tensor o_THE = at::empty(q_THE.sizes(), q_THE.options()),
             lse_TH = at::empty({q_THE.size(0), q_THE.size(1)}, q_THE.options());
  AttentionLoop loop = loop_of(q_THE, k_TKE, v_TKE);
  loop.o_THE = o_THE.mutable_data_ptr<float>();
  loop.lse_TH = lse_TH.mutable_data_ptr<float>();
  run_families(families_of(spans), loop, kernels().attention);
  return {o_THE.to(q_in.scalar_type()), lse_TH};
}

Heads packed_attention_backward(const at::Tensor& do_in, const at::Tensor& q_in, const at::Tensor& k_in,
                                const at::Tensor& v_in, const at::Tensor& o_in, const at::Tensor& lse_TH,
                                const std::vector<AttentionSpan>& spans) {
  const at::Tensor do_THE = as_float(do_in), q_THE = as_float(q_in), k_TKE = as_float(k_in), v_TKE = as_float(v_in);
  at::Tensor o_THE = as_float(o_in), lse = lse_TH;
  at::Tensor dq_THE = at::empty(q_THE.sizes(), q_THE.options()), dk_TKE = at::zeros(k_TKE.sizes(), k_TKE.options()),
             dv_TKE = at::zeros(v_TKE.sizes(), v_TKE.options());
  AttentionLoop loop = loop_of(q_THE, k_TKE, v_TKE);
  loop.do_THE = data_of(do_THE);
  loop.o_THE = o_THE.mutable_data_ptr<float>();
  loop.lse_TH = lse.mutable_data_ptr<float>();
  loop.dq_THE = dq_THE.mutable_data_ptr<float>();
  loop.dk_TKE = dk_TKE.mutable_data_ptr<float>();
  loop.dv_TKE = dv_TKE.mutable_data_ptr<float>();
  run_families(families_of(spans), loop, kernels().attention_backward);
  const auto type = q_in.scalar_type();
  return {dq_THE.to(type), dk_TKE.to(type), dv_TKE.to(type)};
}

}  // namespace muster::ops::cpu
