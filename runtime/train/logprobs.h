// Log-probabilities of answers under a decoder: what a forward pass of the trainer, the frozen reference and the verb
// `score` share.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "runtime/model/decoder.h"
#include "runtime/parallel/mesh.h"
#include "runtime/spec/job.h"
#include "runtime/train/packed_batch.h"

namespace muster::train {

struct LogprobOptions {
  double temperature = 1;
  std::int64_t chunk_tokens = 1024;  // of the log-probabilities
  Packing packing;
  spec::Recompute recompute = spec::Recompute::none;  // of activations in a backward pass
};
/// What a rank of tp holds of the stream in training and scoring.
parallel::Tokens stream_tokens(const spec::Job& job);
/// Of the passes without gradient, on this rank of cp.
LogprobOptions logprob_options(const spec::Job& job, std::int64_t cp_rank);
/// Of the updates, whose micro batches may be smaller.
LogprobOptions update_logprob_options(const spec::Job& job, std::int64_t cp_rank);

/// Log-probabilities of the answers, in the order given; entropy of the distribution that each token was drawn from.
struct SequenceLogprobs {
  std::vector<std::vector<float>> logprobs;
  std::vector<std::vector<float>> entropy;
};

/// Attention within the segments of one micro batch, whose tokens are cut over cp. Borrows both.
class PackedAttention final : public model::Context {
 public:
  PackedAttention(comm::Communicator& cp, const PackedBatch& batch) : cp_(cp), batch_(batch) {}
  /// collective: cp.
  at::Tensor attend(std::int64_t layer, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                    const at::Tensor& v_TKE) override;

 private:
  comm::Communicator& cp_;
  const PackedBatch& batch_;
};

/// Forward only; on_progress (may be empty) is called after each micro batch. All ranks of tp and cp and all stages of
/// a pipeline pass the same, and every one of them gets the scores. collective: tp, cp, pp.
SequenceLogprobs sequence_logprobs(parallel::Mesh& mesh, const model::Decoder& decoder,
                                   std::span<const Sequence> sequences, const LogprobOptions& options,
                                   const std::function<void()>& on_progress);

}  // namespace muster::train
