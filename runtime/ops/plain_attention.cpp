// Plain forms of attention: a loop over spans and sequences, softmax over the concatenated keys, in ATen operations.
// Letters: T tokens, H query heads, K key/value heads, E head width, J keys, P pages, S tokens of a page.
#include <ATen/ATen.h>

#include <cmath>

#include "runtime/ops/attention_forms.h"
#include "runtime/ops/plain_gradient.h"

namespace muster::ops::plain {
namespace {

/// Queries n (the last of the J keys are theirs) against keys; returns {o_NHE, lse_NH}.
std::pair<at::Tensor, at::Tensor> attend(const at::Tensor& q_NHE, const at::Tensor& k_JKE, const at::Tensor& v_JKE) {
  const std::int64_t N = q_NHE.size(0), J = k_JKE.size(0), group = q_NHE.size(1) / k_JKE.size(1);
  const at::Tensor q_HNE = q_NHE.transpose(0, 1), k_HJE = k_JKE.transpose(0, 1).repeat_interleave(group, 0),
                   v_HJE = v_JKE.transpose(0, 1).repeat_interleave(group, 0);
  const at::Tensor ahead_NJ = at::ones({N, J}, q_NHE.options().dtype(at::kBool)).triu(J - N + 1);
  const at::Tensor scores_HNJ = (at::bmm(q_HNE, k_HJE.transpose(1, 2)) / std::sqrt(static_cast<double>(q_NHE.size(2))))
                                    .masked_fill(ahead_NJ, -INFINITY);
  return {at::bmm(scores_HNJ.softmax(-1), v_HJE).transpose(0, 1), scores_HNJ.logsumexp(-1).transpose(0, 1)};
}

std::pair<at::Tensor, at::Tensor> attend_spans(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                               const std::vector<AttentionSpan>& spans) {
  std::vector<at::Tensor> outputs, sums;
  for (const AttentionSpan& span : spans) {
    const auto seen = [&](const at::Tensor& x) {
      const at::Tensor own = x.narrow(0, span.keys, span.num_keys);
      return span.prefix_keys == 0 ? own : at::cat({x.narrow(0, span.prefix, span.prefix_keys), own});
    };
    auto [o, lse] = attend(q.narrow(0, span.begin, span.length), seen(k), seen(v));
    outputs.push_back(o);
    sums.push_back(lse);
  }
  return {at::cat(outputs), at::cat(sums)};
}

}  // namespace

std::pair<at::Tensor, at::Tensor> packed_attention_forward(const at::Tensor& q_THE, const at::Tensor& k_JKE,
                                                           const at::Tensor& v_JKE,
                                                           const std::vector<AttentionSpan>& spans) {
  auto [o, lse] = attend_spans(wide(q_THE), wide(k_JKE), wide(v_JKE), spans);
  return {o.to(q_THE.scalar_type()).contiguous(), lse};
}

Heads packed_attention_backward(const at::Tensor& do_THE, const at::Tensor& q_THE, const at::Tensor& k_JKE,
                                const at::Tensor& v_JKE, const at::Tensor&, const at::Tensor&,
                                const std::vector<AttentionSpan>& spans) {
  const auto gradients = plain_gradient(
      {wide(q_THE), wide(k_JKE), wide(v_JKE)}, {wide(do_THE)}, [&](const std::vector<at::Tensor>& inputs) {
        return std::vector<at::Tensor>{attend_spans(inputs[0], inputs[1], inputs[2], spans).first};
      });
  const auto type = q_THE.scalar_type();
  return {gradients[0].to(type), gradients[1].to(type), gradients[2].to(type)};
}

void append_pages(at::Tensor& keys_PSKE, at::Tensor& values_PSKE, const at::Tensor& k_TKE, const at::Tensor& v_TKE,
                  const PagedBatch& batch) {
  const at::Tensor slots_T = at::tensor(batch.slots, at::kLong).to(keys_PSKE.device());
  keys_PSKE.flatten(0, 1).index_copy_(0, slots_T, k_TKE.to(keys_PSKE.scalar_type()));
  values_PSKE.flatten(0, 1).index_copy_(0, slots_T, v_TKE.to(values_PSKE.scalar_type()));
}

at::Tensor paged_attention(const at::Tensor& q_THE, const at::Tensor& keys_PSKE, const at::Tensor& values_PSKE,
                           const PagedBatch& batch) {
  at::Tensor o_THE = at::empty_like(q_THE);
  for (std::size_t s = 0; s < batch.lengths.size(); ++s) {
    const std::int64_t begin = batch.query_begin[s], count = batch.query_begin[s + 1] - begin;
    if (count == 0) continue;
    const std::vector<std::int64_t> numbers(batch.pages.begin() + batch.page_begin[s],
                                            batch.pages.begin() + batch.page_begin[s + 1]);
    const at::Tensor pages = at::tensor(numbers, at::kLong).to(q_THE.device());
    const auto gathered = [&](const at::Tensor& cache) {
      return wide(cache.index_select(0, pages).flatten(0, 1).narrow(0, 0, batch.lengths[s]));
    };
    o_THE.narrow(0, begin, count)
        .copy_(attend(wide(q_THE.narrow(0, begin, count)), gathered(keys_PSKE), gathered(values_PSKE)).first);
  }
  return o_THE;
}

}  // namespace muster::ops::plain
