#include "runtime/loop/grading.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/loop/reward_shape.h"
#include "runtime/reward/pattern.h"
#include "runtime/spec/answer_lengths.h"

namespace muster::loop {

std::string reply_text(const spec::Job& job, const data::Tokenizer& tokenizer, const generate::Sample& sample) {
  std::span<const std::int32_t> tokens = sample.tokens;
  const bool skips = job.reward.skip_special_tokens;
  if (!skips && sample.finish == generate::Finish::stop && !tokens.empty() && tokenizer.is_special(tokens.back()))
    tokens = tokens.first(tokens.size() - 1);
  return tokenizer.decode(tokens, skips);
}

reward::GradeSettings grade_settings(const spec::Job& job, const spec::RewardPart& part, const std::string& prompt) {
  return {.pattern = part.pattern,
          .command = part.command,
          .precision = static_cast<int>(job.reward.precision),
          .after_thinking = job.reward.answer == spec::AnswerPart::after_thinking,
          .thinking_tags = job.reward.thinking_tags,
          .in_thinking = reward::opens_thinking(prompt, job.reward.thinking_tags)};
}

Grading::Grading(const spec::Job& job, const std::vector<int>& worker_fds, const data::Tokenizer& tokenizer)
    : job_(job), parts_(spec::reward_parts(job.reward)), tokenizer_(tokenizer) {
  for (const spec::RewardPart& part : parts_) reward::Pattern{part.pattern};  // refused before anything is generated
  if (!worker_fds.empty()) client_ = std::make_unique<reward::RewardClient>(worker_fds, reward::ClientOptions{});
}

Grading::~Grading() = default;

// Samples of one prompt have neighbouring numbers. Those of several steps may be graded at once; the draws that are no
// step's have the largest number of a step.
std::int64_t Grading::id_of(const generate::Sample& sample, std::size_t part) const {
  constexpr std::int64_t kLargestStep = (1 << 19) - 1;
  const std::int64_t step = std::min(sample.step, kLargestStep);
  return (step << 40 | sample.group << 20 | sample.index) * std::ssize(parts_) + static_cast<std::int64_t>(part);
}

void Grading::submit(const generate::Sample& sample, const StepPrompt& prompt) {
  if (spec::is_synthetic(job_)) return;
  INVARIANT(client_ != nullptr, "a rank that speaks for samples has reward workers");
  const std::string answer = reply_text(job_, tokenizer_, sample);
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const spec::RewardPart& part = parts_[p];
    const bool program = part.kind == "command";
    client_->submit({.id = id_of(sample, p),
                     .kind = part.kind,
                     .answer = answer,
                     .gold = prompt.gold,
                     .settings = grade_settings(job_, part, prompt.text),
                     .prompt = program ? prompt.text : "",
                     .row = program ? prompt.json : ""});
  }
}

std::vector<GradedSample> Grading::graded_at_random(std::vector<generate::Sample> samples) const {
  std::vector<GradedSample> scored;
  for (generate::Sample& sample : samples) {
    const double reward = spec::random_reward(job_.seed, sample.weight_version, sample.group, sample.index);
    scored.push_back({.sample = std::move(sample), .reward = reward, .parts = {reward}});
  }
  return scored;
}

std::vector<GradedSample> Grading::collect(std::vector<generate::Sample> samples, double& waited_s,
                                           const std::function<void()>& on_progress) {
  waited_s = 0;
  if (samples.empty()) return {};
  if (spec::is_synthetic(job_)) return graded_at_random(std::move(samples));
  std::vector<std::int64_t> ids;
  for (const generate::Sample& sample : samples)
    for (std::size_t p = 0; p < parts_.size(); ++p) ids.push_back(id_of(sample, p));
  const reward::Collected collected = client_->collect(ids, on_progress);
  waited_s = collected.waited_s;
  std::vector<GradedSample> scored(samples.size());
  for (std::size_t s = 0; s < samples.size(); ++s) {
    GradedSample& out = scored[s];
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      const reward::Grade& grade = collected.grades[s * parts_.size() + p];
      out.parts.push_back(grade.reward);
      if (out.outcome != Outcome::graded || grade.outcome == Outcome::graded) continue;
      out.outcome = grade.outcome;
      out.note = collected.notes[s * parts_.size() + p];
    }
    const generate::Sample& sample = samples[s];
    if (out.outcome == Outcome::graded) {
      const ShapedReward shaped =
          shaped_reward(job_, out.parts,
                        {.tokens = std::ssize(sample.tokens), .truncated = sample.finish == generate::Finish::length});
      out.reward = shaped.reward;
      out.shaping = shaped.shaping;
    }
    out.sample = std::move(samples[s]);
  }
  return scored;
}

}  // namespace muster::loop
