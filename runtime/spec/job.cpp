#include "runtime/spec/job.h"

#include <algorithm>

namespace muster::spec {

std::int64_t samples_per_step(const Job& job) { return job.grpo.prompts_per_step * job.grpo.samples_per_prompt; }

std::int64_t update_samples(const Job& job) { return job.train.gbs > 0 ? job.train.gbs : samples_per_step(job); }

std::int64_t updates_per_step(const Job& job) {
  const std::int64_t size = update_samples(job);
  return (samples_per_step(job) + size - 1) / size;
}

std::int64_t micro_batch_tokens(const Job& job) {
  return job.packing.max_tokens > 0 ? job.packing.max_tokens : job.train.mbs * job.grpo.max_sequence_tokens;
}

std::int64_t logprob_batch_tokens(const Job& job) {
  return job.train.logprob_mbs > 0 ? job.train.logprob_mbs * job.grpo.max_sequence_tokens : micro_batch_tokens(job);
}

std::int64_t sequence_multiple(const Job& job) {
  return (job.train.cp > 1 ? 2 * job.train.cp : 1) * (job.train.sequence_parallel ? job.train.tp : 1);
}

std::int64_t max_new_tokens(const Job& job) {
  return job.sampling.max_new_tokens > 0 ? job.sampling.max_new_tokens : job.grpo.max_sequence_tokens - 1;
}

std::int64_t constant_tokens(const Job& job) {
  return job.loss.constant_tokens > 0 ? job.loss.constant_tokens : max_new_tokens(job);
}

bool looks_at_samples(const LossJob& loss) {
  return loss.ratio == RatioLevel::sequence || loss.correction == Correction::mask_samples ||
         (loss.correction != Correction::none && loss.correction_level != CorrectionLevel::token);
}

bool uses_reference(const Job& job) { return job.loss.kl_weight > 0 || job.grpo.kl_in_reward > 0; }

std::vector<RewardPart> reward_parts(const RewardJob& reward) {
  std::vector<RewardPart> parts = reward.parts;
  if (parts.empty()) parts.push_back({.kind = reward.kind, .pattern = reward.pattern, .command = reward.command});
  for (RewardPart& part : parts)
    if (part.name.empty()) part.name = part.kind;
  return parts;
}

std::int64_t train_ranks(const Job& job) { return job.train.tp * job.train.cp * job.train.pp * job.train.dp; }

std::int64_t gen_ranks(const Job& job) { return job.gen.tp * job.gen.pp * job.gen.dp; }

std::vector<DataSource> data_sources(const DataJob& data) {
  if (!data.sources.empty()) return data.sources;
  return {
      {.path = data.path, .schema = data.schema, .prompt_field = data.prompt_field, .answer_field = data.answer_field}};
}

bool holds_rows_out(const DataJob& data) {
  return data.held_out > 0 || data.held_out_share > 0 ||
         std::any_of(data.sources.begin(), data.sources.end(), [](const DataSource& s) { return s.validate_only; });
}

}  // namespace muster::spec
