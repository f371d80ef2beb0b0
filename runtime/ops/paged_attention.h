// Attention of the generator: keys and values live in pages; each sequence has a list of pages.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace muster::ops {

/// What one forward pass of the generator asks of the cache. Sequences lie one after another in T: sequence s has
/// query_begin[s+1] - query_begin[s] new tokens, the last of which is at position lengths[s] - 1.
struct PagedBatch {
  std::int64_t page_tokens = 16;
  std::vector<std::int32_t> query_begin;  // [S + 1]
  std::vector<std::int32_t> lengths;      // [S] keys of each sequence, the new ones included
  std::vector<std::int32_t> page_begin;   // [S + 1] into pages
  std::vector<std::int32_t> pages;        // page numbers, in order
  std::vector<std::int64_t> slots;        // [T] where each new key is written: page * page_tokens + offset
};

/// Writes k_TKE, v_TKE into the cache: keys_PSKE, values_PSKE [pages, page_tokens, K, E].
void append_pages(at::Tensor& keys_PSKE, at::Tensor& values_PSKE, const at::Tensor& k_TKE, const at::Tensor& v_TKE,
                  const PagedBatch& batch);
/// Causal attention of the new queries over all keys of their sequence -> o_THE. No gradient.
at::Tensor paged_attention(const at::Tensor& q_THE, const at::Tensor& keys_PSKE, const at::Tensor& values_PSKE,
                           const PagedBatch& batch);

}  // namespace muster::ops
