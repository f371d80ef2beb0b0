#include "runtime/loop/step.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/grpo/grpo.h"
#include "runtime/loop/figures.h"
#include "runtime/spec/data_identity.h"

namespace muster::loop {

using spec::Phase;

Step::Step(RankContext& context, Policy& policy, const data::Tokenizer& tokenizer, Grading& grading,
           Checkpoints& checkpoints)
    : context_(context), policy_(policy), tokenizer_(tokenizer), grading_(grading), checkpoints_(checkpoints) {
  const spec::Job& job = context.job();
  if (spec::is_synthetic(job)) lengths_ = spec::AnswerLengths::parse(job.sampling.lengths, "sampling.lengths");
}

spec::StepRecord Step::run(std::int64_t step, data::PromptSource& source, log::Records* records) {
  PhaseClock& clock = *context_.clock;
  const spec::Job& job = context_.job();
  const std::int64_t version = policy_.weight_version(), refused = source.refused();

  clock.enter(Phase::generate);
  const Rollout rollout = roll_out(next_prompts(source, job.grpo.prompts_per_step), job.grpo.samples_per_prompt, step);

  const TrainFigures figures = train(rollout, step);

  clock.enter(Phase::refit);
  const refit::RefitFigures moved =
      job.selftest.sabotage == spec::Sabotage::no_refit ? refit::RefitFigures{} : policy_.refit();

  clock.enter(Phase::checkpoint);
  checkpoints_.copy_if_due(step, source);

  clock.enter(Phase::log);
  spec::StepRecord record = rollout_figures(context_, rollout);
  record.step = step;
  record.weight_version = version;
  record.refused_rows = source.refused() - refused;
  add_train_figures(record, figures);
  add_refit_figures(record, moved);
  add_rank_figures(record, context_, policy_);  // collective: world
  if (records != nullptr)
    for (const log::SampleRecord& sample : sample_records(job, rollout, tokenizer_, step)) records->sample(sample);
  return record;
}

Rollout Step::roll_out(std::vector<StepPrompt> prompts, std::int64_t samples_per_prompt, std::int64_t step) {
  std::vector<GradedSample> own;
  policy_.make_resident(Phase::generate);
  if (policy_.generates()) {
    const parallel::Mesh& mesh = *context_.generate;
    const spec::Range mine = spec::part_of(std::ssize(prompts), mesh.degrees().dp, mesh.coordinates().dp);
    std::vector<generate::Request> requests;
    for (std::int64_t group = mine.begin; group < mine.end; ++group)
      requests.push_back({.group = group,
                          .num_samples = samples_per_prompt,
                          .prompt = prompts[group].tokens,
                          .lengths = forced_lengths(group, samples_per_prompt, step)});
    // One rank of a tensor-parallel group grades and hands on; the others hold the very same samples.
    const bool speaks = mesh.coordinates().tp == 0;
    const auto on_sample = [&](const generate::Sample& sample) {
      if (speaks) grading_.submit(sample, prompts[sample.group]);
    };
    std::vector<generate::Sample> samples = policy_.generator().generate(
        requests, step, policy_.weight_version(), on_sample, [this] { context_.clock->progress(); });
    if (speaks) {
      double waited_s = 0;
      own = grading_.collect(std::move(samples), waited_s, [this] { context_.clock->progress(); });
      context_.clock->move(Phase::generate, Phase::reward, waited_s);
    }
  }
  Rollout rollout{.prompts = std::move(prompts), .samples_per_prompt = samples_per_prompt};
  if (context_.rehearses()) {
    rollout.samples = samples_without_others(rollout, step);
    context_.on_rehearsed_rollout(rollout);
  } else {
    rollout.samples = exchange_samples(context_.host(), own, std::ssize(rollout.prompts), samples_per_prompt);
  }
  check_graded(rollout.samples);
  check_rewards(rollout, context_.job().reward);
  return rollout;
}

std::vector<GradedSample> Step::samples_without_others(const Rollout& rollout, std::int64_t step) const {
  const spec::Job& job = context_.job();
  std::vector<GradedSample> all;
  for (std::size_t g = 0; g < rollout.prompts.size(); ++g) {
    const auto group = static_cast<std::int64_t>(g);
    const std::int64_t room = job.grpo.max_sequence_tokens - std::ssize(rollout.prompts[g].tokens);
    std::int64_t index = 0;
    for (const std::int64_t length : forced_lengths(group, rollout.samples_per_prompt, step)) {
      const auto tokens = static_cast<std::size_t>(std::min({length, room, spec::max_new_tokens(job)}));
      const double reward = spec::random_reward(job.seed, policy_.weight_version(), group, index);
      all.push_back({.sample = {.group = group,
                                .index = index++,
                                .tokens = std::vector<std::int32_t>(tokens, 0),
                                .logprobs = std::vector<float>(tokens, 0.0F),
                                .raw_logprobs = std::vector<float>(tokens, 0.0F)},
                     .reward = reward,
                     .parts = {reward}});
    }
  }
  return all;
}

std::vector<std::int64_t> Step::forced_lengths(std::int64_t group, std::int64_t count, std::int64_t step) const {
  std::vector<std::int64_t> lengths;
  for (std::int64_t sample = 0; lengths_ && sample < count; ++sample)
    lengths.push_back(lengths_->of(context_.job().seed, step, group, sample));
  return lengths;
}

std::vector<double> Step::advantages(const Rollout& rollout, std::int64_t step) const {
  const spec::Job& job = context_.job();
  std::vector<double> all(rollout.samples.size(), 0);
  const auto num_samples = static_cast<std::size_t>(rollout.samples_per_prompt);
  for (std::size_t begin = 0; begin < all.size(); begin += num_samples) {
    // Only graded samples count; one that timed out or failed takes no part in its group's statistics nor in the loss.
    std::vector<std::size_t> graded;
    std::vector<float> rewards;
    for (std::size_t s = begin; s < begin + num_samples; ++s) {
      if (rollout.samples[s].outcome != Outcome::graded) continue;
      graded.push_back(s);
      rewards.push_back(static_cast<float>(rollout.samples[s].reward));
    }
    if (graded.size() < 2) continue;
    const at::Tensor group = grpo::group_advantages(at::tensor(rewards).unsqueeze(0), job.grpo.baseline,
                                                    job.grpo.normalize, job.grpo.advantage_eps);
    for (std::size_t i = 0; i < graded.size(); ++i) all[graded[i]] = group.data_ptr<float>()[i];
  }
  switch (job.selftest.sabotage) {
    case spec::Sabotage::zero_advantage:
      std::fill(all.begin(), all.end(), 0);
      break;
    case spec::Sabotage::negated_advantage:
      for (double& advantage : all) advantage = -advantage;
      break;
    case spec::Sabotage::shuffled_advantage: {
      const std::vector<double> honest = all;
      const auto order = base::permutation(
          base::RandomKey(job.seed, base::Purpose::shuffle, static_cast<std::uint64_t>(step)), std::ssize(all));
      for (std::size_t s = 0; s < all.size(); ++s) all[s] = honest[order[s]];
      break;
    }
    case spec::Sabotage::no_refit:
    case spec::Sabotage::none:
      break;
  }
  return all;
}

data::PromptSource open_prompts(const RankContext& context, const data::Tokenizer& tokenizer, std::uint64_t seed,
                                data::Part part) {
  const spec::Job& job = context.job();
  const auto identity = spec::read_data_identity(context.paths().folder);
  return data::PromptSource(job.data, tokenizer,
                            {.seed = seed,
                             .max_sequence_tokens = job.grpo.max_sequence_tokens,
                             .part = part,
                             .index_folder = context.paths().data(),
                             .model = job.model.path,
                             .data_has_changed = identity && identity->accepted_changes > 0});
}

std::vector<StepPrompt> next_prompts(data::PromptSource& source, std::int64_t count) {
  std::vector<StepPrompt> prompts;
  for (data::Prompt& prompt : source.next_prompts(count))
    prompts.push_back({.row = prompt.row,
                       .tokens = std::move(prompt.tokens),
                       .text = std::move(prompt.text),
                       .gold = std::move(prompt.gold),
                       .json = std::move(prompt.json)});
  return prompts;
}

}  // namespace muster::loop
