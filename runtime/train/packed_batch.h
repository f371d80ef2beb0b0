// Sequences packed into micro batches: tokens one after another, filled up only where tokens are cut over ranks; the
// prompt of a group once for all its samples. Letters: T tokens of a micro batch on this rank of cp, N scored tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/ops/packed_attention.h"
#include "runtime/parallel/context.h"

namespace muster::train {

/// One prompt with its answer, as the trainer needs it. Sequences of one group share their prompt.
struct Sequence {
  std::int64_t id = 0;  // the caller's number, given back with every scored token
  std::int64_t group = 0;
  std::span<const std::int32_t> prompt;  // one token at least
  std::span<const std::int32_t> answer;  // every token of it is scored; an empty one takes no part
};

/// What a rank of cp has of one micro batch (all of it where there is one rank). N scored tokens: token n is predicted
/// by the hidden state of row rows_N[n]. A rank may have none, of sequences that others score.
struct PackedBatch {
  at::Tensor tokens_T, positions_T;         // int64
  std::vector<ops::Segment> segments;       // of the whole batch
  parallel::ContextShare share;             // with cp > 1: which of its tokens these are, and what they see
  at::Tensor rows_N, targets_N;             // int64
  std::vector<std::int64_t> sequence_of_N;  // index into the packed span of sequences
  std::vector<std::int64_t> position_of_N;  // index within the answer
  std::vector<std::int64_t> sequences;      // indices of the sequences in the whole batch
  std::int64_t num_tokens = 0;              // T
};

struct Packing {
  std::int64_t max_tokens = 4096;    // of one micro batch on all ranks; a longer sequence gets a batch of its own
  std::int64_t max_sequences = 0;    // of one micro batch; 0: no bound
  std::int64_t token_multiple = 1;   // T is filled up to one: a last segment of which nothing is scored
  bool share_prompt = false;         // a group whose parts fall into several batches repeats its prompt in each
  std::int64_t cp = 1, cp_rank = 0;  // every sequence is cut over cp; all ranks of cp pack the same sequences
};

/// Cuts `sequences` into micro batches (first fit, longest group first; deterministic). The last token of an answer is
/// only a target and is not computed.
std::vector<PackedBatch> pack(std::span<const Sequence> sequences, const Packing& packing, at::Device device);

/// As few tokens as may be and nothing scored: what a rank runs while others have a batch and expect it in their
/// collectives.
PackedBatch idle_batch(const Packing& packing, at::Device device);

}  // namespace muster::train
