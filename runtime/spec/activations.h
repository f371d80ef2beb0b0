// Bytes of activations, by arithmetic over what the layers keep: an estimate of what the tensors of a pass need,
// without the temporaries inside kernels.
#pragma once

#include <cstdint>

#include "runtime/spec/parameters.h"

namespace muster::spec {

/// Of one rank, in the worst micro batch.
struct Activations {
  std::int64_t kept_bytes = 0;  // what layers keep until their backward, and what one layer works with
  std::int64_t logits_bytes = 0;
};

/// An update on `stage`: what it keeps of every micro batch in flight (as the pipeline's schedule says) by
/// train.recompute, the layer at work and its gradients, and one chunk of logits on the last stage.
Activations training_activations(const ModelFacts& facts, const Job& job, std::int64_t stage);
/// A pass without gradient: one layer at work, one chunk of logits.
Activations scoring_activations(const ModelFacts& facts, const Job& job, std::int64_t stage);
/// A pass of the generator over gen.max_batch_tokens, with the logits of every running sample.
Activations generating_activations(const ModelFacts& facts, const Job& job);
/// Key/value heads whose keys context attention gathers over cp at once (parallel/context.h): as many as
/// `at_once_bytes` hold, one at least. num_keys: of all ranks.
inline constexpr std::int64_t kContextKeys_bytes = 64 << 20;
std::int64_t context_heads(std::int64_t num_keys, std::int64_t num_kv_heads, std::int64_t head_dim,
                           std::int64_t element_bytes, std::int64_t at_once_bytes = kContextKeys_bytes);
/// Micro batch x chunk of the pipeline that `stage` holds at once at most between forward and backward.
std::int64_t most_in_flight(const Job& job, std::int64_t stage);

}  // namespace muster::spec
