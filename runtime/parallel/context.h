// Context parallelism: the tokens of every packed sequence are cut over cp, and a rank's queries see the keys of all.
//
// Each segment is cut into 2 x cp chunks (lengths differ by one at most, so chunks of a short one are empty), and rank
// r takes chunks r and 2cp-1-r: an early one that sees little and a late one that sees much, together as many pairs as
// on every other rank.
//
// Keys and values are gathered over cp for the layer at work, and again in its backward, whose gradients of keys and
// values go back in a reduce-scatter. Why not a ring: the bytes are the same, (cp-1)/cp x T x 2K x E forward and twice
// that backward; and where packed rows hold many short sequences a ring's cp passes are cp times as many kernels over a
// cp-th of the work, each with a merge by log-sum-exp, while here one softmax runs over all keys and the backward takes
// its sums. A ring's gain is memory, one rank's keys at a time in place of all: heads do not meet in attention, so
// here they are gathered a few at a time (spec::context_heads), which bounds the memory the same way at the same bytes,
// and hides the wire the same way: while some are at work the next are on their way.
// source: for gathering, arXiv:2407.21783, 3.3.2; for the chunks, Megatron-LM's context parallelism.
//
// Letters: T tokens of this rank, J keys of all ranks (cp x T), H query heads, K key/value heads, E head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "runtime/ops/packed_attention.h"
#include "runtime/spec/activations.h"
#include "runtime/spec/layout.h"

namespace muster::comm {
class Communicator;
}

namespace muster::parallel {

/// The tokens of a segment that a rank of cp holds: its early and its late chunk.
std::array<spec::Range, 2> context_chunks(std::int64_t length, std::int64_t cp, std::int64_t cp_rank);

/// What one rank of cp holds of a packed row. All ranks hold as many tokens: a rank with fewer, and all up to a
/// multiple, are filled up with tokens that see each other alone.
struct ContextShare {
  std::vector<std::int64_t> tokens;       // T: of the row, in this rank's order; -1 where it is filled up
  std::vector<ops::AttentionSpan> spans;  // of these tokens, over keys in the order of the row, then what filled it up
  // J, int64, on the device: where each key lies among the gathered ones (ranks one after another), and the inverse.
  at::Tensor gathered_of_key_J, key_of_gathered_J;
  std::int64_t keys_at_once_bytes = spec::kContextKeys_bytes;  // of keys that are gathered together, whole heads
};
/// segments: of the whole row. T becomes a multiple of `multiple`.
ContextShare context_share(const std::vector<ops::Segment>& segments, std::int64_t cp, std::int64_t cp_rank,
                           std::int64_t multiple, at::Device device);

/// Attention of this rank's tokens -> o_THE, with backward; the share must live until then. A group of one has
/// ops::packed_attention of the segments. collective: cp (forward and backward).
at::Tensor context_attention(comm::Communicator& cp, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                             const at::Tensor& v_TKE, const std::vector<ops::Segment>& segments,
                             const ContextShare& share);

}  // namespace muster::parallel
