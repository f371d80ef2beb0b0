#include "runtime/loop/mini_batch.h"

#include <ATen/ATen.h>

#include "runtime/base/error.h"
#include "runtime/loop/balance.h"

namespace muster::loop {
namespace {

bool takes_part(const GradedSample& sample, const spec::GrpoJob& grpo) {
  return sample.outcome == Outcome::graded &&
         !(grpo.overlong_filtering && sample.sample.finish == generate::Finish::length);
}

// By which the loss of a token of a sample is divided.
double count_of(const spec::Job& job, double valid_tokens, double valid_samples, double tokens) {
  switch (job.loss.reduction) {
    case spec::LossReduction::token:
      return valid_tokens;
    case spec::LossReduction::sequence:
      return valid_samples * tokens;
    case spec::LossReduction::constant:
      return valid_samples * static_cast<double>(spec::constant_tokens(job));
  }
  INVARIANT(false, "every reduction is listed");
}

// One float a scored token, from lists by sequence and position.
at::Tensor gathered(const train::PackedBatch& batch, const std::vector<std::vector<float>>& by_sequence) {
  std::vector<float> values(batch.sequence_of_N.size());
  for (std::size_t n = 0; n < values.size(); ++n)
    values[n] = by_sequence[batch.sequence_of_N[n]][batch.position_of_N[n]];
  return at::tensor(values);
}

// The same, from one value a sequence.
at::Tensor gathered(const train::PackedBatch& batch, const std::vector<double>& by_sequence) {
  std::vector<float> values(batch.sequence_of_N.size());
  for (std::size_t n = 0; n < values.size(); ++n) values[n] = static_cast<float>(by_sequence[batch.sequence_of_N[n]]);
  return at::tensor(values);
}

}  // namespace

std::vector<MiniBatch> mini_batches(const Rollout& rollout, const std::vector<double>& advantages, const spec::Job& job,
                                    std::int64_t dp, std::int64_t dp_index) {
  std::vector<std::int64_t> tokens;
  for (const GradedSample& sample : rollout.samples) tokens.push_back(std::ssize(sample.sample.tokens));
  const std::int64_t per_update = spec::update_samples(job);
  std::vector<MiniBatch> batches(static_cast<std::size_t>(spec::updates_per_step(job)));
  for (std::size_t u = 0; u < batches.size(); ++u) {
    std::vector<std::int64_t> members;
    double valid_tokens = 0, valid_samples = 0;
    for (std::int64_t i = 0; i < per_update; ++i) {
      members.push_back(static_cast<std::int64_t>(u) * per_update + i);
      const auto m = static_cast<std::size_t>(members.back());
      if (!takes_part(rollout.samples[m], job.grpo)) continue;
      valid_tokens += static_cast<double>(tokens[m]);
      valid_samples += 1;
    }
    const auto dealt = balance_samples(members, tokens, rollout.samples_per_prompt, dp);
    MiniBatch& mini_batch = batches[u];
    for (const std::int64_t m : dealt[dp_index]) {
      const GradedSample& scored = rollout.samples[m];
      const generate::Sample& sample = scored.sample;
      mini_batch.sequences.push_back(
          {.id = m, .group = sample.group, .prompt = rollout.prompts[sample.group].tokens, .answer = sample.tokens});
      mini_batch.gen.push_back(sample.raw_logprobs);
      mini_batch.advantages.push_back(advantages[m]);
      const double count = count_of(job, valid_tokens, valid_samples, static_cast<double>(sample.tokens.size()));
      mini_batch.weights.push_back(takes_part(scored, job.grpo) ? 1 / count : 0);
    }
    if (job.loss.reduction == spec::LossReduction::constant && valid_tokens > 0)
      mini_batch.total_weight = valid_tokens / count_of(job, valid_tokens, valid_samples, 0);
  }
  return batches;
}

grpo::TokenInputs token_inputs(const MiniBatch& mini_batch, const train::PackedBatch& batch,
                               const parallel::TokenLogprobs& scores, const spec::LossJob& loss) {
  const at::Device device = scores.logprobs_N.device();
  grpo::TokenInputs inputs{.logprobs_N = scores.logprobs_N,
                           .old_logprobs_N = mini_batch.old.empty() ? scores.logprobs_N.detach()
                                                                    : gathered(batch, mini_batch.old).to(device),
                           .gen_logprobs_N = gathered(batch, mini_batch.gen).to(device),
                           .advantages_N = gathered(batch, mini_batch.advantages).to(device),
                           .entropy_N = loss.entropy_weight != 0 ? scores.entropy_N : at::Tensor(),
                           .weights_N = gathered(batch, mini_batch.weights).to(device)};
  if (spec::looks_at_samples(loss)) inputs.sequences = grpo::sequence_index(batch.sequence_of_N, device);
  if (!mini_batch.reference.empty()) inputs.reference_logprobs_N = gathered(batch, mini_batch.reference).to(device);
  return inputs;
}

}  // namespace muster::loop
