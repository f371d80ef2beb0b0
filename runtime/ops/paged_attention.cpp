// Checks and dispatch of the generator's cache and attention. Letters: T tokens, H query heads, K key/value heads, E
// head width, P pages, S tokens of a page.
#include "runtime/ops/paged_attention.h"
#include "runtime/ops/flops.h"

#include <ATen/ATen.h>

#include "runtime/base/error.h"
#include "runtime/ops/attention_forms.h"

namespace muster::ops {

KernelTable<AppendPages>& append_pages_kernels() {
  static KernelTable<AppendPages> forms{"append_pages", cpu::append_pages, plain::append_pages};
  return forms;
}

KernelTable<PagedAttention>& paged_attention_kernels() {
  static KernelTable<PagedAttention> forms{"paged_attention", cpu::paged_attention, plain::paged_attention};
  return forms;
}

namespace {

/// The CUDA form has kernels for heads of 64 and 128; latents are wider.
PagedAttention& form_for(const at::Tensor& q_THE) {
  const bool is_covered = !q_THE.is_cuda() || q_THE.size(2) == 64 || q_THE.size(2) == 128;
  if (is_covered) return paged_attention_kernels().for_device_of(q_THE);
  if (!plain_forms_allowed()) refuse_missing_form("paged_attention of latents", q_THE.device().type());
  return plain::paged_attention;
}

}  // namespace

void append_pages(at::Tensor& keys_PSKE, at::Tensor& values_PSKE, const at::Tensor& k_TKE, const at::Tensor& v_TKE,
                  const PagedBatch& batch) {
  INVARIANT(keys_PSKE.dim() == 4 && keys_PSKE.sizes() == values_PSKE.sizes() && keys_PSKE.is_contiguous() &&
                values_PSKE.is_contiguous(),
            "the cache is [pages, tokens of a page, heads, width]");
  INVARIANT(keys_PSKE.size(1) == batch.page_tokens && keys_PSKE.size(2) == k_TKE.size(1) &&
                keys_PSKE.size(3) == k_TKE.size(2),
            "the cache has the shape of the keys");
  INVARIANT(std::ssize(batch.slots) == k_TKE.size(0) && k_TKE.sizes() == v_TKE.sizes(), "each new key has a slot");
  append_pages_kernels().for_device_of(keys_PSKE)(keys_PSKE, values_PSKE, k_TKE, v_TKE, batch);
}

at::Tensor paged_attention(const at::Tensor& q_THE, const at::Tensor& keys_PSKE, const at::Tensor& values_PSKE,
                           const PagedBatch& batch) {
  const std::size_t num_sequences = batch.lengths.size();
  INVARIANT(batch.query_begin.size() == num_sequences + 1 && batch.page_begin.size() == num_sequences + 1,
            "each sequence has its queries and pages");
  INVARIANT(q_THE.dim() == 3 && batch.query_begin.back() == q_THE.size(0),
            "queries of all sequences lie one after another");
  INVARIANT(static_cast<std::size_t>(batch.page_begin.back()) == batch.pages.size(), "each page belongs to a sequence");
  INVARIANT(keys_PSKE.dim() == 4 && q_THE.size(1) % keys_PSKE.size(2) == 0 && q_THE.size(2) == keys_PSKE.size(3),
            "the cache fits the queries");
  double pairs = 0;
  for (std::size_t s = 0; s < num_sequences; ++s) {
    const std::int64_t num_queries = batch.query_begin[s + 1] - batch.query_begin[s];
    pairs += causal_pairs(num_queries, batch.lengths[s] - num_queries);
    const std::int64_t num_pages = batch.page_begin[s + 1] - batch.page_begin[s];
    INVARIANT(batch.lengths[s] >= num_queries && batch.lengths[s] <= num_pages * batch.page_tokens,
              "a sequence has at least its new keys, and pages for all of them");
  }
  count_flops(attention_flops(pairs, q_THE.size(1), q_THE.size(2)));
  return form_for(q_THE)(q_THE, keys_PSKE, values_PSKE, batch);
}

}  // namespace muster::ops
