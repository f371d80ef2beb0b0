// Load and resume, warm start, the steps with what follows each, the end.
#include "runtime/loop/run.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/loop/dynamic_sampling.h"
#include "runtime/loop/in_flight.h"
#include "runtime/loop/overlapped.h"
#include "runtime/loop/session.h"
#include "runtime/loop/step.h"
#include "runtime/loop/validation.h"
#include "runtime/loop/warm_start.h"
#include "runtime/spec/origin.h"
#include "runtime/spec/start_events.h"

namespace muster::loop {
namespace {

using spec::Phase;

void warn_of_missing_steps(const RankContext& context, std::int64_t steps_done) {
  std::vector<std::int64_t> missing = log::missing_steps(context.paths().steps(), steps_done);
  // A run that began with the checkpoint of another has no lines of the steps before it.
  if (const auto origin = spec::read_origin(context.paths().folder))
    std::erase_if(missing, [&](std::int64_t step) { return step <= origin->from_step; });
  if (missing.empty()) return;
  std::vector<std::string> named;
  for (const std::int64_t step : missing)
    if (named.size() < 10) named.push_back(base::text(step));
  const std::size_t others = missing.size() - named.size();
  context.console.warn("loop", base::text("steps.jsonl has no line of ", missing.size(), " of the ", steps_done,
                                          " steps that were done: ", base::join(named, ", "),
                                          others > 0 ? base::text(" and ", others, " more") : ""));
}

// The supervised start, and what `muster selftest` measures before the first step. collective: world.
void warm_up(Session& session) {
  RankContext& context = session.context;
  const spec::Job& job = session.job();
  if (job.warmup.sft_steps > 0) {
    session.policy.enter(Phase::warmup);
    warm_start(session);
    session.policy.refit();
    if (spec::uses_reference(job)) session.policy.freeze_reference();
    context.console.info("loop", spec::kWarmStartDone,
                         {{"weight_version", base::text(session.policy.weight_version())}});
  }
  if (job.selftest.start_prompts > 0) {
    session.policy.enter(Phase::warmup);
    const double reward = measured_reward(session, job.selftest.start_prompts, -1);
    if (session.records)
      session.records->warmup({{"kind", "start"}, {"reward", reward}, {"prompts", job.selftest.start_prompts}});
  }
}

void validate_if_due(Session& session, Validation& validation, std::int64_t step) {
  if (!validation.is_due(step)) return;
  session.policy.enter(Phase::validate);
  validation.look(step, session.records.get());
}

// Steps after `steps_done`; each is recorded, and then what is due is done. collective: world. throws: as run.
void run_steps(Session& session, Validation& validation, std::int64_t steps_done) {
  RankContext& context = session.context;
  const spec::Job& job = session.job();
  std::optional<Overlapped> overlapped;
  std::optional<InFlight> in_flight;
  if (updates_in_flight(job))
    in_flight.emplace(session, steps_done);
  else if (is_off_policy(job))
    overlapped.emplace(session, steps_done, session.checkpoints.take_queue());
  std::optional<DynamicSampling> dynamic;
  if (job.grpo.dynamic_sampling) dynamic.emplace(session, session.checkpoints.take_surplus());
  double last_end_s = base::steady_s();
  for (std::int64_t s = steps_done + 1; s <= job.grpo.steps; ++s) {
    context.clock->begin_step(s);
    context.calls.take();  // those of the start and of a validation are no step's
    spec::StepRecord record = in_flight    ? in_flight->run_step(s)
                              : overlapped ? overlapped->run_step(s)
                                           : run_step(session, s, dynamic ? &*dynamic : nullptr);
    const double end_s = base::steady_s();
    record.step_to_step_s = end_s - last_end_s;
    last_end_s = end_s;
    if (session.records) session.records->step(record);
    validate_if_due(session, validation, s);
    session.checkpoints.look();  // after the records of the step: a run that goes on behind it has them
    if (s % job.log.every == 0 || s == job.grpo.steps)
      context.console.info(
          "loop", base::text("step ", s, "/", job.grpo.steps),
          {{"reward", base::number_text(record.reward, 3)}, {"step_s", base::number_text(record.step_s, 3)}});
    if (session.checkpoints.is_last_step()) {
      session.checkpoints.finish();
      throw Error::cluster({.what = base::text("warned that the time is up, it stopped after step ", s, " of ",
                                               job.grpo.steps, ", of which there is a checkpoint")});
    }
  }
}

}  // namespace

void run(RankContext& context) {
  context.clock->enter(Phase::load);
  const spec::Job& job = context.job();
  Session session(context);
  if (spec::uses_reference(job)) session.policy.freeze_reference();
  Validation validation(session);
  const std::int64_t steps_done = session.checkpoints.resume(session.source);
  session.policy.refit();
  context.console.info("loop", spec::kReady, {{spec::kLoadSeconds, base::number_text(session.loading.elapsed_s(), 2)}});

  if (steps_done > 0) {
    context.console.info("loop", base::text(spec::kResumesAfter, steps_done));
    if (session.records) warn_of_missing_steps(context, steps_done);
  } else {
    warm_up(session);
    validate_if_due(session, validation, 0);
  }
  run_steps(session, validation, steps_done);

  session.policy.enter(Phase::finish);
  session.checkpoints.finish();
  if (job.checkpoint.final_model) session.policy.save(context.paths().final_model());
  context.host().wait_for_all("end");  // the writer may still be writing the model
}

}  // namespace muster::loop
