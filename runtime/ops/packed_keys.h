// Spans laid out for kernels of sequences of different length, which want the keys of each sequence one after another:
// what the CUDA form of packed attention does around FlashAttention, in operations of any device.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/ops/attention_forms.h"

namespace muster::ops {

/// Sequence s: queries [query_begins[s], query_begins[s + 1]) of T, keys [key_begins[s], key_begins[s + 1]) of the
/// packed ones; a query that is the last but n sees all keys but the last n.
struct PackedKeys {
  at::Tensor query_begins, key_begins;  // int32 [sequences + 1], on the device
  std::int64_t most_queries = 0, most_keys = 0;
  at::Tensor rows;  // int64: the key that each packed one is; undefined where keys lie so already
};
/// num_keys: J, of the keys that the spans point into.
PackedKeys packed_keys_of(const std::vector<AttentionSpan>& spans, std::int64_t num_keys, at::Device device);

/// x_JKE as the packed keys want it.
at::Tensor packed(const PackedKeys& keys, const at::Tensor& x_JKE);
/// The way back: the gradient of each of the J keys, summed over its packed copies.
at::Tensor unpacked_sum(const PackedKeys& keys, const at::Tensor& dx, std::int64_t num_keys);

}  // namespace muster::ops
