// Letters: N scored tokens, D model width.
#include "runtime/train/scoring.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "runtime/ops/on_host.h"
#include "runtime/train/pipeline.h"

namespace muster::train {

ScoringOptions scoring_options(const spec::Job& job) {
  return {.temperature = job.sampling.temperature,
          .chunk_tokens = job.train.logprob_chunk_tokens,
          .max_tokens = spec::logprob_batch_tokens(job),
          .max_sequences = job.packing.enabled         ? 0
                           : job.train.logprob_mbs > 0 ? job.train.logprob_mbs
                                                       : job.train.mbs,
          .share_prompt = job.train.share_prompt,
          .recompute = job.train.recompute == spec::Recompute::full};
}

ScoringOptions update_options(const spec::Job& job) {
  ScoringOptions options = scoring_options(job);
  options.max_tokens = spec::micro_batch_tokens(job);
  if (!job.packing.enabled) options.max_sequences = job.train.mbs;
  return options;
}

at::Tensor PackedAttention::attend(std::int64_t, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                                   const at::Tensor& v_TKE) {
  return ops::packed_attention(q_THE, k_TKE, v_TKE, segments_);
}

namespace {

/// The last stage tells the others. collective: pp.
void tell_stages(comm::Communicator& pp, SequenceScores& scores, at::Device device) {
  if (pp.size() == 1) return;
  std::vector<float> told;
  const auto for_all = [&](const auto& visit) {
    for (auto* lists : {&scores.logprobs, &scores.entropy})
      for (std::vector<float>& list : *lists) visit(list);
  };
  for_all([&](const std::vector<float>& list) { told.insert(told.end(), list.begin(), list.end()); });
  at::Tensor all = at::tensor(told).to(device);
  pp.broadcast(all, pp.size() - 1, "scores.stages");
  all = ops::on_host(all);
  const float* next = all.const_data_ptr<float>();
  for_all([&](std::vector<float>& list) {
    std::copy_n(next, list.size(), list.begin());
    next += list.size();
  });
}

}  // namespace

SequenceScores sequence_scores(parallel::Mesh& mesh, const model::Decoder& decoder, std::span<const Sequence> sequences,
                               const ScoringOptions& options, const std::function<void()>& on_progress) {
  const c10::InferenceMode no_graph;
  SequenceScores found;
  for (const Sequence& sequence : sequences) {
    found.logprobs.emplace_back(sequence.answer.size());
    found.entropy.emplace_back(sequence.answer.size());
  }
  const auto take = [&](const parallel::TokenScores& scores, const PackedBatch& batch) {
    const at::Tensor logprobs_N = ops::on_host(scores.logprobs_N);
    const at::Tensor entropy_N = ops::on_host(scores.entropy_N);
    for (std::size_t n = 0; n < batch.sequence_of_N.size(); ++n) {
      const auto sequence = static_cast<std::size_t>(batch.sequence_of_N[n]);
      const auto position = static_cast<std::size_t>(batch.position_of_N[n]);
      found.logprobs[sequence][position] = logprobs_N.const_data_ptr<float>()[n];
      found.entropy[sequence][position] = entropy_N.const_data_ptr<float>()[n];
    }
  };
  std::vector<PackedBatch> batches =
      pack(sequences, options.max_tokens, options.share_prompt, decoder.device(), options.max_sequences);
  run_forward(mesh, decoder, std::move(batches), options, take, on_progress);
  tell_stages(mesh.pp(), found, decoder.device());
  return found;
}

}  // namespace muster::train
