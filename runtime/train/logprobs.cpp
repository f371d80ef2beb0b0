// Letters: N scored tokens, D model width.
#include "runtime/train/logprobs.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "runtime/ops/on_host.h"
#include "runtime/train/pipeline.h"

namespace muster::train {

parallel::Tokens stream_tokens(const spec::Job& job) {
  return job.train.sequence_parallel ? parallel::Tokens::cut : parallel::Tokens::all;
}

LogprobOptions logprob_options(const spec::Job& job, std::int64_t cp_rank) {
  return {.temperature = job.sampling.temperature,
          .chunk_tokens = job.train.logprob_chunk_tokens,
          .packing = {.max_tokens = spec::logprob_batch_tokens(job),
                      .max_sequences = job.packing.enabled         ? 0
                                       : job.train.logprob_mbs > 0 ? job.train.logprob_mbs
                                                                   : job.train.mbs,
                      .token_multiple = job.train.sequence_parallel ? job.train.tp : 1,
                      .share_prompt = job.train.share_prompt,
                      .cp = job.train.cp,
                      .cp_rank = cp_rank},
          .recompute = job.train.recompute};
}

LogprobOptions update_logprob_options(const spec::Job& job, std::int64_t cp_rank) {
  LogprobOptions options = logprob_options(job, cp_rank);
  options.packing.max_tokens = spec::micro_batch_tokens(job);
  if (!job.packing.enabled) options.packing.max_sequences = job.train.mbs;
  return options;
}

at::Tensor PackedAttention::attend(std::int64_t, const at::Tensor& q_THE, const at::Tensor& k_TKE,
                                   const at::Tensor& v_TKE) {
  return parallel::context_attention(cp_, q_THE, k_TKE, v_TKE, batch_.segments, batch_.share);
}

namespace {

/// Every rank of cp scored its own tokens, on the last stage, which tells the others. collective: cp, pp.
void tell_all(parallel::Mesh& mesh, SequenceLogprobs& scores, at::Device device) {
  comm::Communicator &cp = mesh.cp(), &pp = mesh.pp();
  if (cp.size() == 1 && pp.size() == 1) return;
  std::vector<float> told;
  const auto for_all = [&](const auto& visit) {
    for (auto* lists : {&scores.logprobs, &scores.entropy})
      for (std::vector<float>& list : *lists) visit(list);
  };
  for_all([&](const std::vector<float>& list) { told.insert(told.end(), list.begin(), list.end()); });
  at::Tensor all = at::tensor(told).to(device);
  if (pp.rank() == pp.size() - 1) cp.all_reduce(all, comm::Reduce::sum, "scores.context");  // zeros of the others
  pp.broadcast(all, pp.size() - 1, "scores.stages");
  all = ops::on_host(all);
  const float* next = all.const_data_ptr<float>();
  for_all([&](std::vector<float>& list) {
    std::copy_n(next, list.size(), list.begin());
    next += list.size();
  });
}

}  // namespace

SequenceLogprobs sequence_logprobs(parallel::Mesh& mesh, const model::Decoder& decoder,
                                   std::span<const Sequence> sequences, const LogprobOptions& options,
                                   const std::function<void()>& on_progress) {
  const c10::InferenceMode no_graph;
  SequenceLogprobs found;
  for (const Sequence& sequence : sequences) {
    found.logprobs.emplace_back(sequence.answer.size());
    found.entropy.emplace_back(sequence.answer.size());
  }
  // What was scored stays on the device until all is: the host waits once.
  std::vector<at::Tensor> scored_2N;
  std::vector<std::pair<std::int64_t, std::int64_t>> places;  // (sequence, position) of each column
  const auto take = [&](const parallel::TokenLogprobs& scores, const PackedBatch& batch) {
    scored_2N.push_back(at::stack({scores.logprobs_N, scores.entropy_N}));
    for (std::size_t n = 0; n < batch.sequence_of_N.size(); ++n)
      places.emplace_back(batch.sequence_of_N[n], batch.position_of_N[n]);
  };
  std::vector<PackedBatch> batches = pack(sequences, options.packing, decoder.device());
  run_forward(mesh, decoder, std::move(batches), options, take, on_progress);
  if (!scored_2N.empty()) {
    const at::Tensor all_2N = ops::on_host(at::cat(scored_2N, 1));
    const float *const logprobs = all_2N.const_data_ptr<float>(), *const entropy = logprobs + places.size();
    for (std::size_t n = 0; n < places.size(); ++n) {
      const auto sequence = static_cast<std::size_t>(places[n].first),
                 position = static_cast<std::size_t>(places[n].second);
      found.logprobs[sequence][position] = logprobs[n];
      found.entropy[sequence][position] = entropy[n];
    }
  }
  tell_all(mesh, found, decoder.device());
  return found;
}

}  // namespace muster::train
