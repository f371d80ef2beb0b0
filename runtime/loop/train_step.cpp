// The training half of a step: old and reference log-probabilities, then the optimizer updates.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "runtime/grpo/grpo.h"
#include "runtime/loop/shares.h"
#include "runtime/loop/step.h"

namespace muster::loop {
namespace {

using spec::Phase;

// One float a scored token, gathered from lists by sequence.
at::Tensor gathered(const train::PackedBatch& batch, const std::vector<std::vector<float>>& by_sequence) {
  std::vector<float> values(batch.sequence_of_N.size());
  for (std::size_t n = 0; n < values.size(); ++n)
    values[n] =
        by_sequence[static_cast<std::size_t>(batch.sequence_of_N[n])][static_cast<std::size_t>(batch.position_of_N[n])];
  return at::tensor(values);
}

at::Tensor gathered(const train::PackedBatch& batch, const std::vector<double>& by_sequence) {
  std::vector<float> values(batch.sequence_of_N.size());
  for (std::size_t n = 0; n < values.size(); ++n)
    values[n] = static_cast<float>(by_sequence[static_cast<std::size_t>(batch.sequence_of_N[n])]);
  return at::tensor(values);
}

// This rank's share of one update, by sequence.
struct Share {
  std::vector<train::Sequence> sequences;
  std::vector<std::vector<float>> gen, old, reference;
  std::vector<double> advantages, weights;
};

void add_differences(TokenSums& sums, const std::vector<float>& gen, const float* trainer, const float* entropy) {
  for (std::size_t t = 0; t < gen.size(); ++t) {
    const double d = static_cast<double>(trainer[t]) - gen[t];
    sums.tokens += 1;
    sums.abs_diff += std::abs(d);
    sums.prob_error += std::exp(std::abs(d));
    sums.gen_kl += std::expm1(d) - d;  // k3 of generator against trainer
    sums.entropy += entropy[t];
    sums.max_diff = std::max(sums.max_diff, std::abs(d));
  }
}

// Norm of the gradient of every weight; a piece that several ranks of tp hold counts on the first of them. collective:
// tp.
std::map<std::string, double> tensor_norms(parallel::Mesh& mesh, const spec::ModelFacts& facts,
                                           const weights::ShardStore& gradients) {
  const std::int64_t tp = mesh.degrees().tp, index = mesh.place().tp;
  std::vector<double> squares;
  for (const weights::Shard& shard : gradients.shards()) {
    const std::int64_t holders = shard.parameter.cut == spec::Cut::replicated ? tp
                                 : shard.parameter.cut == spec::Cut::kv_heads
                                     ? std::max<std::int64_t>(1, tp / facts.num_kv_heads)
                                     : 1;
    const double norm = gradients.view(shard.parameter.name).to(at::kDouble).norm().item<double>();
    squares.push_back(index % holders == 0 ? norm * norm : 0);
  }
  at::Tensor sums = at::tensor(squares, at::kDouble).to(gradients.flat().device());
  mesh.tp().all_reduce(sums, comm::Reduce::sum, "train.tensor_norms");
  sums = sums.cpu();
  std::map<std::string, double> norms;
  for (std::size_t i = 0; i < squares.size(); ++i)
    norms[gradients.shards()[i].parameter.name] = std::sqrt(sums.data_ptr<double>()[i]);
  return norms;
}

}  // namespace

TrainFigures Step::train(const Rollout& rollout, std::int64_t step) {
  PhaseClock& clock = *context_.clock;
  const spec::Job& job = context_.job();
  TrainFigures figures;
  if (!policy_.trains()) return figures;
  parallel::Mesh& mesh = *context_.train;
  const auto progress = [&clock] { clock.progress(); };
  const std::vector<double> advantage_of = advantages(rollout, step);

  for (const double advantage : advantage_of)
    figures.advantage_mean += advantage / static_cast<double>(advantage_of.size());
  figures.advantage_max = *std::max_element(advantage_of.begin(), advantage_of.end());
  figures.advantage_min = *std::min_element(advantage_of.begin(), advantage_of.end());

  std::vector<std::int64_t> tokens;
  for (const ScoredSample& sample : rollout.samples)
    tokens.push_back(static_cast<std::int64_t>(sample.sample.tokens.size()));
  const std::int64_t per_update = spec::update_samples(job);
  const std::int64_t num_updates = spec::updates_per_step(job);
  // With one update a step the policy that is trained is the policy of old: its log-probabilities come out of the
  // update itself.
  const bool old_pass = num_updates > 1 && !job.loss.force_on_policy;

  std::vector<Share> shares(static_cast<std::size_t>(num_updates));
  for (std::int64_t u = 0; u < num_updates; ++u) {
    std::vector<std::int64_t> members;
    std::int64_t valid_tokens = 0, valid_samples = 0;
    const auto counts = [&](std::int64_t m) {
      const ScoredSample& sample = rollout.samples[static_cast<std::size_t>(m)];
      return sample.outcome == Outcome::graded &&
             !(job.grpo.overlong_filtering && sample.sample.finish == generate::Finish::length);
    };
    for (std::int64_t m = u * per_update; m < (u + 1) * per_update; ++m) {
      members.push_back(m);
      if (!counts(m)) continue;
      valid_tokens += tokens[static_cast<std::size_t>(m)];
      valid_samples += 1;
    }
    const auto mine = deal_samples(members, tokens, rollout.samples_per_prompt,
                                   mesh.degrees().dp)[static_cast<std::size_t>(mesh.place().dp)];
    Share& share = shares[static_cast<std::size_t>(u)];
    for (const std::int64_t m : mine) {
      const generate::Sample& sample = rollout.samples[static_cast<std::size_t>(m)].sample;
      share.sequences.push_back({.id = m,
                                 .group = sample.group,
                                 .prompt = rollout.prompts[static_cast<std::size_t>(sample.group)].tokens,
                                 .answer = sample.tokens});
      share.gen.push_back(sample.raw_logprobs);
      share.advantages.push_back(advantage_of[static_cast<std::size_t>(m)]);
      const double count = job.loss.reduction == spec::LossReduction::token
                               ? static_cast<double>(valid_tokens)
                               : static_cast<double>(valid_samples) * static_cast<double>(sample.tokens.size());
      share.weights.push_back(counts(m) ? 1 / count : 0);
    }
  }

  clock.enter(Phase::logprob);
  for (Share& share : shares) {
    if (old_pass) {
      train::SequenceScores scores = policy_.trainer().scores(share.sequences, progress);
      if (mesh.place().tp == 0)
        for (std::size_t s = 0; s < share.gen.size(); ++s)
          add_differences(figures.sums, share.gen[s], scores.logprobs[s].data(), scores.entropy[s].data());
      share.old = std::move(scores.logprobs);
    }
    if (job.loss.kl_weight > 0) share.reference = policy_.reference_scores(share.sequences).logprobs;
  }

  clock.enter(Phase::train);
  figures.lr = train::learning_rate(job.optimizer, step - 1, job.grpo.steps);
  for (Share& share : shares) {
    const auto loss = [&](const parallel::TokenScores& scores, const train::PackedBatch& batch) {
      const at::Tensor current = scores.logprobs_N.detach().to(at::kCPU);
      grpo::TokenInputs inputs{.logprobs_N = scores.logprobs_N,
                               .old_logprobs_N = old_pass ? gathered(batch, share.old) : current,
                               .gen_logprobs_N = gathered(batch, share.gen),
                               .advantages_N = gathered(batch, share.advantages),
                               .weights_N = gathered(batch, share.weights)};
      if (job.loss.kl_weight > 0) inputs.reference_logprobs_N = gathered(batch, share.reference);
      const at::Device device = scores.logprobs_N.device();
      for (at::Tensor* tensor : {&inputs.old_logprobs_N, &inputs.gen_logprobs_N, &inputs.reference_logprobs_N,
                                 &inputs.advantages_N, &inputs.weights_N})
        if (tensor->defined()) *tensor = tensor->to(device);
      grpo::LossParts parts = grpo::policy_loss(inputs, job.loss);
      if (mesh.place().tp == 0) {
        if (!old_pass) {
          const at::Tensor gen = inputs.gen_logprobs_N.to(at::kCPU).contiguous();
          const at::Tensor entropy = scores.entropy_N.to(at::kCPU).contiguous();
          add_differences(figures.sums, std::vector<float>(gen.data_ptr<float>(), gen.data_ptr<float>() + gen.numel()),
                          current.data_ptr<float>(), entropy.data_ptr<float>());
        }
        figures.sums.kl += parts.kl;
        figures.sums.clip_share += parts.clip_share;
        figures.sums.ratio += parts.ratio_mean;
        figures.sums.correction += parts.correction_mean;
      }
      return parts.loss;
    };
    const train::UpdateFigures update = policy_.trainer().update(share.sequences, loss, figures.lr, progress);
    figures.losses.push_back(update.loss);
    figures.grad_norms.push_back(update.grad_norm);
  }

  if (job.log.tensor_norms)
    figures.tensor_norms = tensor_norms(mesh, context_.plan.model, policy_.trainer().gradients());
  TokenSums& sums = figures.sums;
  figures.kl_weight = job.loss.kl_weight;
  at::Tensor added = at::tensor({sums.tokens, sums.abs_diff, sums.prob_error, sums.gen_kl, sums.entropy, sums.kl,
                                 sums.clip_share, sums.ratio, sums.correction},
                                at::kDouble)
                         .to(context_.device);
  at::Tensor largest = at::tensor({sums.max_diff}, at::kDouble).to(context_.device);
  mesh.role().all_reduce(added, comm::Reduce::sum, "figures");
  mesh.role().all_reduce(largest, comm::Reduce::max, "figures");
  added = added.cpu();
  const double* a = added.data_ptr<double>();
  sums = {.tokens = a[0],
          .abs_diff = a[1],
          .prob_error = a[2],
          .gen_kl = a[3],
          .entropy = a[4],
          .kl = a[5],
          .clip_share = a[6],
          .ratio = a[7],
          .correction = a[8],
          .max_diff = largest.item<double>()};
  return figures;
}

}  // namespace muster::loop
