// Attention over a packed batch: segments lie one after another in T; each is causal within itself, and a segment may
// name the segment that is its prefix: its queries also see every key of the prefix (the prompt of a group, computed
// once).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace muster::ops {

struct Segment {
  std::int64_t begin = 0;  // first token in T
  std::int64_t length = 0;
  std::int64_t prefix = -1;  // index of its prefix segment (which has no prefix itself), or -1
};

/// Queries that lie together, and the keys that they see, which may lie elsewhere and be of other ranks too (context
/// parallelism): what a segment is to attention.
struct AttentionSpan {
  std::int64_t begin = 0, length = 0;        // queries
  std::int64_t keys = 0, num_keys = 0;       // their own: the last query sees all of them, each before it one less
  std::int64_t prefix = 0, prefix_keys = 0;  // all queries see these as well
  bool operator==(const AttentionSpan&) const = default;
};
/// Of segments whose keys lie where their queries do. Empty segments have none.
std::vector<AttentionSpan> spans_of(const std::vector<Segment>& segments);
/// Of a forward.
double attention_flops(const std::vector<AttentionSpan>& spans, std::int64_t num_heads, std::int64_t head_dim);

/// q_THE, k_TKE, v_TKE (H a multiple of K) -> o_THE; softmax(q k / sqrt(E)) v in float32 within. With backward.
/// The part over the prefix and the part over its own keys are merged by log-sum-exp.
at::Tensor packed_attention(const at::Tensor& q_THE, const at::Tensor& k_TKE, const at::Tensor& v_TKE,
                            const std::vector<Segment>& segments);

}  // namespace muster::ops
