// Keys that several spans see are copied for each of them: under context parallelism a rank's early and its late chunk
// of a sequence see about as many keys together as there are.
#include "runtime/ops/packed_keys.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace muster::ops {

PackedKeys packed_keys_of(const std::vector<AttentionSpan>& spans, std::int64_t num_keys, at::Device device) {
  PackedKeys packed;
  std::vector<std::int32_t> query_begins{0}, key_begins{0};
  std::vector<std::int64_t> rows;
  const auto take = [&rows](std::int64_t begin, std::int64_t count) {
    for (std::int64_t key = begin; key < begin + count; ++key) rows.push_back(key);
  };
  for (const AttentionSpan& span : spans) {
    take(span.prefix, span.prefix_keys);
    take(span.keys, span.num_keys);
    query_begins.push_back(static_cast<std::int32_t>(span.begin + span.length));
    key_begins.push_back(static_cast<std::int32_t>(rows.size()));
    packed.most_queries = std::max(packed.most_queries, span.length);
    packed.most_keys = std::max(packed.most_keys, span.prefix_keys + span.num_keys);
  }
  bool in_place = std::ssize(rows) == num_keys;
  for (std::size_t row = 0; in_place && row < rows.size(); ++row)
    in_place = rows[row] == static_cast<std::int64_t>(row);
  packed.query_begins = at::tensor(query_begins, at::kInt).to(device);
  packed.key_begins = at::tensor(key_begins, at::kInt).to(device);
  if (!in_place) packed.rows = at::tensor(rows, at::kLong).to(device);
  return packed;
}

at::Tensor packed(const PackedKeys& keys, const at::Tensor& x_JKE) {
  return keys.rows.defined() ? x_JKE.index_select(0, keys.rows) : x_JKE;
}

at::Tensor unpacked_sum(const PackedKeys& keys, const at::Tensor& dx, std::int64_t num_keys) {
  if (!keys.rows.defined()) return dx;
  std::vector<std::int64_t> shape = dx.sizes().vec();
  shape[0] = num_keys;
  // A key has two copies at most but for shared prompts: their sum is rounded once, in whatever order.
  return at::zeros(shape, dx.options()).index_add_(0, keys.rows, dx);
}

}  // namespace muster::ops
