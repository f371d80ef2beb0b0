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

/// q_THE, k_TKE, v_TKE (H a multiple of K) -> o_THE; softmax(q k / sqrt(E)) v in float32 within. With backward.
/// The part over the prefix and the part over its own keys are merged by log-sum-exp.
at::Tensor packed_attention(const at::Tensor& q_THE, const at::Tensor& k_TKE, const at::Tensor& v_TKE,
                            const std::vector<Segment>& segments);

}  // namespace muster::ops
