// Sums and shares over the samples of a rollout, and the samples themselves as records.
#include "runtime/loop/rollout_figures.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/error.h"
#include "runtime/loop/grading.h"
#include "runtime/spec/answer_lengths.h"

namespace muster::loop {

namespace {

// Sums over graded samples become means.
void add_parts(std::map<std::string, double>& rewards, const std::vector<spec::RewardPart>& parts,
               const GradedSample& scored) {
  INVARIANT(scored.parts.size() == parts.size(), "a graded sample has its parts");
  for (std::size_t p = 0; p < parts.size(); ++p) rewards[parts[p].name] += scored.parts[p];
  rewards[spec::kShapingName] += scored.shaping;
}

}  // namespace

spec::StepRecord rollout_figures(const RankContext& context, const Rollout& rollout) {
  spec::StepRecord record;
  record.attempt = context.placement.attempt;
  record.synthetic = spec::is_synthetic(context.job());
  const auto groups = static_cast<double>(rollout.prompts.size());
  const auto per_prompt = static_cast<std::size_t>(rollout.samples_per_prompt);
  const std::vector<spec::RewardPart> parts = spec::reward_parts(context.job().reward);
  double sum = 0, squares = 0, truncated = 0;
  for (std::size_t begin = 0; begin < rollout.samples.size(); begin += per_prompt) {
    double least = INFINITY, most = -INFINITY;
    const auto prompt_tokens = static_cast<std::int64_t>(rollout.prompts[begin / per_prompt].tokens.size());
    for (std::size_t s = begin; s < begin + per_prompt; ++s) {
      const GradedSample& scored = rollout.samples[s];
      const auto answer_tokens = std::ssize(scored.sample.tokens);
      record.samples += 1;
      record.prompt_tokens += prompt_tokens;
      record.answer_tokens += answer_tokens;
      record.max_answer_tokens = std::max(record.max_answer_tokens, answer_tokens);
      truncated += scored.sample.finish == generate::Finish::length ? 1 : 0;
      record.timeouts += scored.outcome == Outcome::timeout ? 1 : 0;
      record.failed += scored.outcome == Outcome::failed ? 1 : 0;
      if (scored.outcome != Outcome::graded) continue;
      record.graded += 1;
      add_parts(record.rewards, parts, scored);
      sum += scored.reward;
      squares += scored.reward * scored.reward;
      least = std::min(least, scored.reward);
      most = std::max(most, scored.reward);
    }
    if (least < most)
      record.groups_mixed += 1 / groups;
    else if (most <= 0)
      record.groups_all_wrong += 1 / groups;
    else if (least >= 1)
      record.groups_all_right += 1 / groups;
  }
  const auto graded = static_cast<double>(std::max<std::int64_t>(1, record.graded));
  const auto samples = static_cast<double>(std::max<std::int64_t>(1, record.samples));
  record.reward = sum / graded;
  for (auto& [name, reward] : record.rewards) reward /= graded;
  record.reward_std = std::sqrt(std::max(0.0, squares / graded - record.reward * record.reward));
  record.tokens = record.prompt_tokens + record.answer_tokens;
  record.mean_answer_tokens = static_cast<double>(record.answer_tokens) / samples;
  record.truncated = truncated / samples;
  return record;
}

std::vector<log::SampleRecord> sample_records(const spec::Job& job, const Rollout& rollout,
                                              const data::Tokenizer& tokenizer, std::int64_t step) {
  std::vector<log::SampleRecord> records;
  const auto groups = std::ssize(rollout.prompts);
  const std::int64_t all = groups * rollout.samples_per_prompt;
  const std::int64_t count = job.log.samples < 0 ? all : std::min(job.log.samples, all);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t group = i % groups, index = i / groups;
    const GradedSample& scored = rollout.samples[group * rollout.samples_per_prompt + index];
    const StepPrompt& prompt = rollout.prompts[group];
    records.push_back({.step = step,
                       .prompt_index = prompt.row,
                       .sample_index = index,
                       .weight_version = scored.sample.weight_version,
                       .tokens = scored.sample.tokens,
                       .logprobs = scored.sample.logprobs,
                       .prompt = prompt.text,
                       .text = reply_text(job, tokenizer, scored.sample),
                       .gold = prompt.gold,
                       .row = prompt.json,
                       .reward = scored.reward,
                       .outcome = reward::outcome_name(scored.outcome),
                       .reward_note = scored.note,
                       .finish = scored.sample.finish == generate::Finish::stop ? "stop" : "length"});
    for (const generate::WeightChange& change : scored.sample.changes)
      records.back().changes.push_back({change.position, change.version});
  }
  return records;
}

}  // namespace muster::loop
