// Letters: N scored tokens, D model width.
#include "runtime/train/scoring.h"

#include <ATen/ATen.h>

namespace muster::train {

ScoringOptions scoring_options(const spec::Job& job) {
  return {.temperature = job.sampling.temperature,
          .chunk_tokens = job.train.logprob_chunk_tokens,
          .max_tokens = spec::micro_batch_tokens(job),
          .max_sequences = job.packing.enabled ? 0 : job.train.mbs,
          .share_prompt = job.train.share_prompt,
          .recompute = job.train.recompute == spec::Recompute::full};
}

at::Tensor PackedAttention::attend(std::int64_t, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                                   const at::Tensor& v_TKE) {
  return ops::packed_attention(q_THE, k_TKE, v_TKE, segments_);
}

parallel::TokenScores batch_scores(comm::Communicator& tp, const model::Decoder& decoder, const PackedBatch& batch,
                                   PackedAttention& attention, const ScoringOptions& options) {
  const at::Tensor hidden_TD = decoder.hidden(batch.tokens_T, batch.positions_T, attention, options.recompute);
  const at::Tensor hidden_ND = hidden_TD.index_select(0, batch.rows_N);
  return parallel::token_scores(tp, hidden_ND, decoder.head(), decoder.vocabulary(), batch.targets_N,
                                options.temperature, options.chunk_tokens);
}

SequenceScores sequence_scores(comm::Communicator& tp, const model::Decoder& decoder,
                               std::span<const Sequence> sequences, const ScoringOptions& options,
                               const std::function<void()>& on_progress) {
  const c10::InferenceMode no_graph;
  SequenceScores found;
  for (const Sequence& sequence : sequences) {
    found.logprobs.emplace_back(sequence.answer.size());
    found.entropy.emplace_back(sequence.answer.size());
  }
  const at::Device device = decoder.head().value.device();
  for (const PackedBatch& batch :
       pack(sequences, options.max_tokens, options.share_prompt, device, options.max_sequences)) {
    PackedAttention attention(batch);
    const parallel::TokenScores scores = batch_scores(tp, decoder, batch, attention, options);
    const at::Tensor logprobs_N = scores.logprobs_N.cpu();
    const at::Tensor entropy_N = scores.entropy_N.cpu();
    for (std::size_t n = 0; n < batch.sequence_of_N.size(); ++n) {
      const auto sequence = static_cast<std::size_t>(batch.sequence_of_N[n]);
      const auto position = static_cast<std::size_t>(batch.position_of_N[n]);
      found.logprobs[sequence][position] = logprobs_N.const_data_ptr<float>()[n];
      found.entropy[sequence][position] = entropy_N.const_data_ptr<float>()[n];
    }
    if (on_progress) on_progress();
  }
  return found;
}

}  // namespace muster::train
