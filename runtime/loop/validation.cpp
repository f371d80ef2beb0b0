// Votes and shares of the held-out prompts, then one evaluation with the job's own generator.
#include "runtime/loop/validation.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/loop/grading.h"
#include "runtime/loop/prompts.h"
#include "runtime/loop/rollout_figures.h"
#include "runtime/reward/math/boxed.h"

namespace muster::loop {
namespace {

bool validates(const spec::Job& job) { return job.validate.every > 0 || job.validate.at_start; }

// The end of the last number in the text, with its sign and its decimals; empty when there is none.
std::string last_number_text(const std::string& text) {
  const auto is_digit = [&](std::size_t i) { return std::isdigit(static_cast<unsigned char>(text[i])) != 0; };
  std::size_t end = text.size();
  while (end > 0 && !is_digit(end - 1)) --end;
  std::size_t begin = end;
  while (begin > 0 &&
         (is_digit(begin - 1) || text[begin - 1] == '.' || text[begin - 1] == ',' || text[begin - 1] == '/'))
    --begin;
  if (begin > 0 && begin < end && text[begin - 1] == '-') --begin;
  return text.substr(begin, end - begin);
}

/// One prompt's samples: shares over those that were graded.
struct PromptFigures {
  double right = 0, reward = 0;
  bool any_right = false, majority_right = false;
};

PromptFigures figures_of(const GradedSample* samples, const std::string* answers, std::size_t count) {
  PromptFigures figures;
  double graded = 0;
  std::map<std::string, std::size_t> votes;
  for (std::size_t s = 0; s < count; ++s) {
    if (samples[s].outcome != Outcome::graded) continue;
    const bool right = graded_value(samples[s]) >= 1;
    graded += 1;
    figures.right += right ? 1 : 0;
    figures.reward += graded_value(samples[s]);
    figures.any_right = figures.any_right || right;
    ++votes[answers[s]];
  }
  figures.right /= std::max(1.0, graded);
  figures.reward /= std::max(1.0, graded);
  std::size_t most = 0;
  for (std::size_t s = 0; s < count; ++s) {
    if (samples[s].outcome != Outcome::graded || votes[answers[s]] <= most) continue;
    most = votes[answers[s]];
    figures.majority_right = graded_value(samples[s]) >= 1;
  }
  return figures;
}

}  // namespace

std::string final_answer(const std::string& text) {
  std::string answer = reward::math::boxed_content(text, reward::math::Boxes::last);
  if (answer == text) answer = last_number_text(text);
  if (answer.empty()) answer = text;
  answer.erase(std::remove_if(answer.begin(), answer.end(), [](unsigned char c) { return std::isspace(c) != 0; }),
               answer.end());
  return answer;
}

std::string vote(const std::string& reply, const std::string& kind, const reward::GradeSettings& settings) {
  const auto part = reward::graded_part(kind, reply, settings);
  return part ? final_answer(std::string(*part)) : "";
}

spec::ValidationRecord validation_figures(const Rollout& rollout, const std::vector<std::string>& answers) {
  INVARIANT(answers.size() == rollout.samples.size(), "each sample has its final answer");
  spec::ValidationRecord record{.prompts = std::ssize(rollout.prompts),
                                .samples_per_prompt = rollout.samples_per_prompt};
  const auto per_prompt = static_cast<std::size_t>(rollout.samples_per_prompt);
  const double prompts = std::max<double>(1, static_cast<double>(record.prompts));
  for (std::size_t begin = 0; begin < answers.size(); begin += per_prompt) {
    const PromptFigures one = figures_of(&rollout.samples[begin], &answers[begin], per_prompt);
    record.pass_1 += one.right / prompts;
    record.mean_k += one.reward / prompts;
    record.pass_k += (one.any_right ? 1 : 0) / prompts;
    record.maj_k += (one.majority_right ? 1 : 0) / prompts;
  }
  const double samples = std::max<double>(1, static_cast<double>(answers.size()));
  for (const GradedSample& scored : rollout.samples) {
    record.mean_answer_tokens += static_cast<double>(scored.sample.tokens.size()) / samples;
    record.truncated += (scored.sample.finish == generate::Finish::length ? 1 : 0) / samples;
    record.timeouts += scored.outcome == Outcome::timeout ? 1 : 0;
    record.failed += scored.outcome == Outcome::failed ? 1 : 0;
  }
  return record;
}

Validation::Validation(Session& session) : session_(session) {
  const spec::Job& job = session.job();
  if (!validates(job)) return;
  const data::Part part = spec::holds_rows_out(job.data) ? data::Part::held_out : data::Part::train;
  data::PromptSource source = open_prompts(session.context, session.tokenizer, 0, part);
  while (std::ssize(prompts_) < job.validate.prompts && source.cursor().position < source.num_rows()) {
    std::vector<StepPrompt> next = next_prompts(source, 1);
    if (source.cursor().epoch > 0) break;  // the last rows were refused
    prompts_.push_back(std::move(next.front()));
  }
}

bool Validation::is_due(std::int64_t step) const {
  const spec::Job& job = session_.job();
  if (!validates(job)) return false;
  if (step == 0) return job.validate.at_start || job.grpo.steps == 0;
  return job.validate.every > 0 && (step % job.validate.every == 0 || step == job.grpo.steps);
}

spec::ValidationRecord Validation::look(std::int64_t step, log::Records* records) {
  const base::Stopwatch watch;
  const spec::Job& job = session_.job();
  Policy& policy = session_.policy;
  spec::SamplingJob sampling = job.sampling;
  if (job.validate.temperature >= 0) sampling.temperature = job.validate.temperature;
  if (policy.generates()) policy.generator().set_sampling(sampling);
  const Rollout rollout = session_.generator.roll_out(prompts_, job.validate.samples_per_prompt, kValidationDraw);
  if (policy.generates()) policy.generator().set_sampling(job.sampling);

  std::vector<std::string> answers;
  for (std::size_t s = 0; s < rollout.samples.size(); ++s) {
    const StepPrompt& prompt = rollout.prompts[s / static_cast<std::size_t>(rollout.samples_per_prompt)];
    const spec::RewardPart first = spec::reward_parts(job.reward).front();
    answers.push_back(vote(reply_text(job, session_.tokenizer, rollout.samples[s].sample), first.kind,
                           grade_settings(job, first, prompt.text)));
  }
  spec::ValidationRecord record = validation_figures(rollout, answers);
  record.step = step;
  record.attempt = session_.context.placement.attempt;
  record.weight_version = policy.weight_version();
  record.time = base::wall_clock_text();
  record.seconds = watch.elapsed_s();
  if (records != nullptr) {
    records->validation(record);
    for (const log::SampleRecord& sample : sample_records(job, rollout, session_.tokenizer, step))
      records->validation_sample(sample);
  }
  session_.context.console.info("loop", base::text("validation after step ", step),
                                {{"pass@1", base::number_text(record.pass_1, 3)},
                                 {base::text("maj@", record.samples_per_prompt), base::number_text(record.maj_k, 3)},
                                 {"prompts", base::text(record.prompts)}});
  return record;
}

}  // namespace muster::loop
