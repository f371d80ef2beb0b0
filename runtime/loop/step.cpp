// Every rank runs these lines; a side without its role on this rank returns at once.
#include "runtime/loop/step.h"

#include "runtime/loop/dynamic_sampling.h"
#include "runtime/loop/prompts.h"
#include "runtime/loop/rank_figures.h"
#include "runtime/loop/rollout_figures.h"
#include "runtime/loop/sabotage.h"

namespace muster::loop {

using spec::Phase;

spec::StepRecord run_step(Session& session, std::int64_t step, DynamicSampling* dynamic) {
  const spec::Job& job = session.job();
  Policy& policy = session.policy;
  const std::int64_t version = policy.weight_version(), refused = session.source.refused();

  policy.enter(Phase::generate);
  const Rollout rollout = dynamic != nullptr
                              ? dynamic->roll_out(step)
                              : session.generator.roll_out(next_prompts(session.source, job.grpo.prompts_per_step),
                                                           job.grpo.samples_per_prompt, step);

  const TrainFigures trained = session.trainer.train(rollout, step);  // enters logprob, then train

  policy.enter(Phase::refit);
  const refit::RefitFigures moved = refits(job) ? policy.refit() : refit::RefitFigures{};

  policy.enter(Phase::checkpoint);
  session.checkpoints.copy_if_due(step, session.source.cursor(), nullptr,
                                  dynamic != nullptr ? &dynamic->surplus() : nullptr);

  policy.enter(Phase::log);
  spec::StepRecord record = step_record(session, step, rollout, trained, moved);
  record.weight_version = version;
  record.refused_rows = session.source.refused() - refused;
  if (dynamic != nullptr) dynamic->add_figures(record, rollout, version);
  return record;
}

spec::StepRecord step_record(Session& session, std::int64_t step, const Rollout& rollout, const TrainFigures& trained,
                             const refit::RefitFigures& moved) {
  spec::StepRecord record = rollout_figures(session.context, rollout);
  record.step = step;
  add_train_figures(record, trained);
  add_refit_figures(record, moved);
  add_rank_figures(record, session.context, session.policy);
  if (session.records)
    for (const log::SampleRecord& sample : sample_records(session.job(), rollout, session.tokenizer, step))
      session.records->sample(sample);
  return record;
}

}  // namespace muster::loop
