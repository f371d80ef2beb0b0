// A decoder of the Llama, Qwen and DeepSeek-V3 kinds: layers put together, pure in its inputs. Trainer and generator
// call the same code and differ in the context they hand in. No device code, no `if (tp > 1)`.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "runtime/model/context.h"
#include "runtime/model/weight_source.h"
#include "runtime/parallel/expert.h"
#include "runtime/parallel/tensor.h"
#include "runtime/parallel/vocabulary.h"
#include "runtime/spec/job.h"

namespace muster::comm {
class Communicator;
}

namespace muster::model {

class Decoder {
 public:
  /// Borrows all; `gradients` may be null (a generator). tp: the group that the weights are cut over. num_positions:
  /// length of the table of rotations, 0 for all that the model knows; a position beyond it is refused.
  /// `tokens`: what a rank of tp holds of the stream between matrices. `experts`: where they lie.
  Decoder(const spec::ModelFacts& facts, const weights::ShardStore& weights, const weights::ShardStore* gradients,
          comm::Communicator& tp, std::int64_t num_positions = 0, parallel::Tokens tokens = parallel::Tokens::all,
          const parallel::ExpertLayout& experts = {});
  Decoder(const spec::ModelFacts& facts, std::unique_ptr<WeightSource> weights, comm::Communicator& tp,
          std::int64_t num_positions = 0, parallel::Tokens tokens = parallel::Tokens::all,
          const parallel::ExpertLayout& experts = {});
  ~Decoder();

  /// tokens_T, positions_T int64 -> hidden_TD after the final norm, of a decoder that has the whole model. `recompute`:
  /// what of each layer runs again in the backward (recompute.h). collective: tp, ep.
  at::Tensor hidden(const at::Tensor& tokens_T, const at::Tensor& positions_T, Context& context,
                    spec::Recompute recompute = spec::Recompute::none) const;
  /// Takes part in a pass of other ranks of ep without a token of its own. Without gradient. collective: tp, ep, as
  /// `hidden`.
  void take_part() const;
  /// The ranks that share its experts, which pass in lockstep; null where this rank has its own.
  comm::Communicator* ep() const;
  /// Runs of neighbouring layers that the weights hold: one, or more in an interleaved pipeline.
  std::int64_t num_chunks() const;
  bool begins_model(std::int64_t chunk) const;
  bool ends_model(std::int64_t chunk) const;
  /// One chunk: tokens_T where it begins the model, else the stream that the chunk before gave -> hidden_TD after the
  /// final norm where it ends the model, else the stream for the next: [own_tokens(T), D]. collective: tp, ep.
  at::Tensor run(std::int64_t chunk, const at::Tensor& input, const at::Tensor& positions_T, Context& context,
                 spec::Recompute recompute) const;
  /// parallel::token_logprobs of rows of hidden_TD with this model's head. After `run` of the chunk that ends the
  /// model, once. collective: tp (backward too).
  parallel::TokenLogprobs logprobs(const at::Tensor& hidden_ND, const at::Tensor& targets_N, double temperature,
                                   std::int64_t chunk_tokens) const;

  /// The rows of the head (tied: the embedding) that this rank holds, and which part of the vocabulary they are.
  const ops::Param& head() const;
  const spec::Range& vocabulary() const;
  const spec::ModelFacts& facts() const;
  parallel::Tokens tokens() const;
  /// How many of T tokens the stream has on this rank. T is a multiple of tp where they are cut.
  std::int64_t own_tokens(std::int64_t num_tokens) const;
  /// Of the stream, and where it lies.
  at::ScalarType dtype() const;
  at::Device device() const;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace muster::model
