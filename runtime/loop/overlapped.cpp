// One step of both sides at the same time, and the queue between them.
#include "runtime/loop/overlapped.h"

#include <algorithm>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/loop/prompts.h"
#include "runtime/loop/sabotage.h"
#include "runtime/loop/side_figures.h"
#include "runtime/loop/step.h"

namespace muster::loop {

using spec::Phase;

Overlapped::Overlapped(Session& session, std::int64_t steps_done, std::vector<QueuedSamples> waited)
    : session_(session), next_step_(steps_done + 1) {
  for (QueuedSamples& samples : waited) {
    if (next_step_ > session.job().grpo.steps) break;  // the run was shortened
    QueuedRollout rollout = draw();
    INVARIANT(rollout.step == samples.step, "a checkpoint holds the rollouts of the steps that follow it");
    rollout.rollout.samples = std::move(samples.samples);
    queue_.push(std::move(rollout));
  }
}

QueuedRollout Overlapped::draw() { return draw_rollout(session_, next_step_++); }

QueuedRollout draw_rollout(Session& session, std::int64_t step) {
  data::PromptSource& source = session.source;
  const spec::GrpoJob& grpo = session.job().grpo;
  const std::int64_t refused = source.refused();
  QueuedRollout next{.step = step, .rollout = {.samples_per_prompt = grpo.samples_per_prompt}};
  next.before = source.cursor();
  next.rollout.prompts = next_prompts(source, grpo.prompts_per_step);
  next.refused_rows = source.refused() - refused;
  return next;
}

void Overlapped::push(QueuedRollout rollout) {
  generated_tokens_ += generated_tokens(rollout.rollout);
  queue_.push(std::move(rollout));
}

void Overlapped::fill(std::int64_t until_step) {
  while (next_step_ <= until_step) {
    QueuedRollout next = draw();
    next.rollout =
        session_.generator.roll_out(std::move(next.rollout.prompts), next.rollout.samples_per_prompt, next.step);
    push(std::move(next));
  }
}

spec::StepRecord Overlapped::run_step(std::int64_t step) {
  const spec::Job& job = session_.job();
  RankContext& context = session_.context;
  Policy& policy = session_.policy;
  const std::int64_t version = policy.weight_version();
  generated_tokens_ = 0;

  policy.enter(Phase::generate);
  fill(std::min(step + job.async.max_staleness - 1, job.grpo.steps));

  // From here on both sides work at the same time, each on its own ranks.
  std::optional<QueuedRollout> ahead;
  std::vector<GradedSample> own;
  if (next_step_ <= job.grpo.steps) {
    ahead = draw();
    own = session_.generator.generate(ahead->rollout.prompts, job.grpo.samples_per_prompt, ahead->step);
  }
  SideSeconds seconds{.generated = context.clock->seconds(Phase::generate) + context.clock->seconds(Phase::reward)};
  const QueuedRollout now = queue_.take(step);
  const TrainFigures trained = session_.trainer.train(now.rollout, step);  // enters logprob, then train

  // Here they meet: a trainer waits for samples, a generator for weights.
  context.clock->enter(policy.trains() ? Phase::generate : Phase::refit);
  const base::Stopwatch waiting;
  context.host().wait_for_all("sides");
  seconds.waited = waiting.elapsed_s();
  if (ahead) {
    ahead->rollout =
        session_.generator.exchange(std::move(ahead->rollout.prompts), job.grpo.samples_per_prompt, ahead->step, own);
    push(std::move(*ahead));
  }

  policy.enter(Phase::refit);
  const refit::RefitFigures moved = refits(job) ? policy.refit() : refit::RefitFigures{};

  policy.enter(Phase::checkpoint);
  session_.checkpoints.copy_if_due(step, queue_.cursor(session_.source.cursor()), &queue_);

  policy.enter(Phase::log);
  spec::StepRecord record = step_record(session_, step, now.rollout, trained, moved);  // collective: world
  record.weight_version = now.rollout.samples.front().sample.weight_version;
  record.refused_rows = now.refused_rows;
  record.queue_steps = queue_.size();
  record.queue_bytes = queue_.sample_bytes();
  add_ages(record, now.rollout, version);
  seconds.tokens = generated_tokens_;
  add_sides(record, context, seconds);
  return record;
}

}  // namespace muster::loop
