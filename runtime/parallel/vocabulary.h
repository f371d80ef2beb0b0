// Log-probabilities of chosen tokens, with the vocabulary cut over tp and the tokens in chunks: full logits never
// exist.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "runtime/ops/param.h"
#include "runtime/spec/layout.h"

namespace muster::comm {
class Communicator;
}

namespace muster::parallel {

/// hidden . head^T in float32 (float64 stays), whatever the type of both: the one product that scores and samples come
/// from. hidden_ND, head_VD -> [N, V].
at::Tensor logits_of(const at::Tensor& hidden_ND, const at::Tensor& head_VD);

struct TokenLogprobs {
  at::Tensor logprobs_N;  // float32, with gradient where hidden has one
  at::Tensor entropy_N;   // float32, of the distribution; with gradient likewise
};

/// log softmax(hidden . head^T / temperature)[target], float32. hidden_ND; head_VD: this rank's rows; `vocabulary`:
/// their range of the global vocabulary; targets_N int64, global ids. Backward recomputes each chunk. collective: tp
/// (forward and backward).
TokenLogprobs token_logprobs(comm::Communicator& tp, const at::Tensor& hidden_ND, const ops::Param& head_VD,
                             const spec::Range& vocabulary, const at::Tensor& targets_N, double temperature,
                             std::int64_t chunk_tokens);

}  // namespace muster::parallel
