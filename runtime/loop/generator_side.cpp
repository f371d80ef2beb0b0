// Requests of this rank's share of the prompts, graded as they end, and the exchange that makes them everybody's.
#include "runtime/loop/generator_side.h"

#include <algorithm>

#include "runtime/base/error.h"

namespace muster::loop {

using spec::Phase;

GeneratorSide::GeneratorSide(RankContext& context, Policy& policy, Grading& grading)
    : context_(context), policy_(policy), grading_(grading) {
  const spec::Job& job = context.job();
  if (spec::is_synthetic(job)) lengths_ = spec::AnswerLengths::parse(job.sampling.lengths, "sampling.lengths");
}

Rollout GeneratorSide::roll_out(std::vector<StepPrompt> prompts, std::int64_t samples_per_prompt, std::int64_t draw) {
  const std::vector<GradedSample> own = generate(prompts, samples_per_prompt, draw);
  return exchange(std::move(prompts), samples_per_prompt, draw, own);
}

bool GeneratorSide::reports() const {
  const spec::Coordinates& own = context_.generate->coordinates();
  return own.tp == 0 && own.pp == 0;
}

std::vector<generate::Request> GeneratorSide::requests_of(const std::vector<StepPrompt>& prompts,
                                                          std::int64_t samples_per_prompt, std::int64_t draw) const {
  const parallel::Mesh& mesh = *context_.generate;
  const spec::Range mine = spec::part_of(std::ssize(prompts), mesh.degrees().dp, mesh.coordinates().dp);
  std::vector<generate::Request> requests;
  for (std::int64_t group = mine.begin; group < mine.end; ++group)
    requests.push_back({.group = group,
                        .num_samples = samples_per_prompt,
                        .prompt = prompts[group].tokens,
                        .lengths = forced_lengths(lengths_, context_.job().seed, draw, group, samples_per_prompt)});
  return requests;
}

std::vector<GradedSample> GeneratorSide::graded(std::vector<generate::Sample> samples) {
  if (!reports()) return {};
  double waited_s = 0;
  std::vector<GradedSample> graded =
      grading_.collect(std::move(samples), waited_s, [this] { context_.clock->progress(); });
  context_.clock->move(Phase::generate, Phase::reward, waited_s);
  return graded;
}

std::vector<GradedSample> GeneratorSide::generate(const std::vector<StepPrompt>& prompts,
                                                  std::int64_t samples_per_prompt, std::int64_t draw) {
  if (!policy_.generates()) return {};
  const auto on_sample = [&](const generate::Sample& sample) {
    if (reports()) grading_.submit(sample, prompts[sample.group]);
  };
  return graded(policy_.generator().generate(requests_of(prompts, samples_per_prompt, draw), draw,
                                             policy_.weight_version(), on_sample,
                                             [this] { context_.clock->progress(); }));
}

void GeneratorSide::begin(const std::vector<StepPrompt>& prompts, std::int64_t samples_per_prompt, std::int64_t step) {
  if (policy_.generates()) policy_.generator().add(requests_of(prompts, samples_per_prompt, step), step);
}

void GeneratorSide::run_until(const generate::IsCalled& is_called, const std::deque<QueuedRollout>& waiting) {
  if (!policy_.generates()) return;
  const auto on_sample = [&](const generate::Sample& sample) {
    if (!reports()) return;
    const auto of_step =
        std::find_if(waiting.begin(), waiting.end(), [&](const QueuedRollout& one) { return one.step == sample.step; });
    INVARIANT(of_step != waiting.end(), "a sample that runs is of a step that waits for its training");
    waiting_bytes_ += packed_bytes({{.sample = sample}});
    grading_.submit(sample, of_step->rollout.prompts[sample.group]);
  };
  policy_.generator().run_until(is_called, on_sample, [this] { context_.clock->progress(); });
}

std::vector<GradedSample> GeneratorSide::take(std::int64_t step) {
  if (!policy_.generates()) return {};
  std::vector<generate::Sample> samples = policy_.generator().take(step);
  for (const generate::Sample& sample : samples) waiting_bytes_ -= reports() ? packed_bytes({{.sample = sample}}) : 0;
  return graded(std::move(samples));
}

Rollout GeneratorSide::exchange(std::vector<StepPrompt> prompts, std::int64_t samples_per_prompt, std::int64_t draw,
                                const std::vector<GradedSample>& own) {
  Rollout rollout{.prompts = std::move(prompts), .samples_per_prompt = samples_per_prompt};
  const generate::SchedulerFigures generated =
      policy_.generates() ? policy_.generator().figures().schedule : generate::SchedulerFigures{};
  rollout.samples = context_.rehearses()
                        ? context_.stand_in(rollout, draw, policy_.weight_version(), generated)
                        : exchange_samples(context_.host(), own, std::ssize(rollout.prompts), samples_per_prompt);
  check_graded(rollout.samples);
  check_rewards(rollout, context_.job().reward);
  return rollout;
}

std::vector<std::int64_t> forced_lengths(const std::optional<spec::AnswerLengths>& lengths, std::uint64_t seed,
                                         std::int64_t draw, std::int64_t group, std::int64_t count) {
  std::vector<std::int64_t> forced;
  for (std::int64_t sample = 0; lengths && sample < count; ++sample)
    forced.push_back(lengths->of(seed, draw, group, sample));
  return forced;
}

}  // namespace muster::loop
