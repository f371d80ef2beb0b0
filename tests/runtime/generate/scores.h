// What a trainer says of a sample: one forward pass without a cache.
#pragma once

#include <vector>

#include "runtime/ops/packed_attention.h"
#include "runtime/parallel/vocabulary.h"
#include "tests/runtime/generate/small_model.h"

namespace muster::generate {

class PackedAttention final : public model::Context {
 public:
  explicit PackedAttention(std::vector<ops::Segment> segments) : segments_(std::move(segments)) {}
  at::Tensor attend(std::int64_t /*layer*/, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                    const at::Tensor& v_TKE) override {
    return ops::packed_attention(q_THE, k_TKE, v_TKE, segments_);
  }

 private:
  std::vector<ops::Segment> segments_;
};

/// Log-probabilities of the answer by one forward pass over prompt and answer, as a trainer computes them.
inline std::vector<float> logprobs_of(const SmallModel& model, const std::vector<std::int32_t>& prompt,
                                      const Sample& sample, double temperature) {
  std::vector<std::int64_t> tokens(prompt.begin(), prompt.end());
  tokens.insert(tokens.end(), sample.tokens.begin(), sample.tokens.end());
  const auto length = std::ssize(tokens), answer = std::ssize(sample.tokens);
  PackedAttention attention({{.begin = 0, .length = length}});
  const at::Tensor tokens_T = at::tensor(tokens, at::kLong);
  const at::Tensor hidden_TD = model.decoder.hidden(tokens_T, at::arange(length, at::kLong), attention);
  const at::Tensor scores_N =
      parallel::token_logprobs(model.tp, hidden_TD.narrow(0, length - answer - 1, answer), model.decoder.head(),
                               model.decoder.vocabulary(), tokens_T.narrow(0, length - answer, answer), temperature, 64)
          .logprobs_N.contiguous();
  return {scores_N.data_ptr<float>(), scores_N.data_ptr<float>() + answer};
}

}  // namespace muster::generate
