#include "runtime/loop/run.h"

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/data/builtin_tasks.h"
#include "runtime/loop/from_folder.h"
#include "runtime/loop/step.h"
#include "runtime/loop/validation.h"
#include "runtime/loop/warm_start.h"
#include "runtime/spec/start_events.h"

namespace muster::loop {
namespace {

using spec::Phase;

void check_tokenizer(const spec::Plan& plan, const data::Tokenizer& tokenizer) {
  if (tokenizer.vocabulary_size() > plan.model.vocab_size)
    throw Error::user({.what = base::text("the tokenizer has ", tokenizer.vocabulary_size(),
                                          " tokens, but the model's vocabulary has ", plan.model.vocab_size),
                       .where = plan.job.model.path,
                       .fix = "tokenizer.json and config.json belong to different models"});
}

void warn_of_missing_steps(const RankContext& context, std::int64_t steps_done) {
  const std::vector<std::int64_t> missing = log::missing_steps(context.paths().steps(), steps_done);
  if (missing.empty()) return;
  std::vector<std::string> named;
  for (const std::int64_t step : missing)
    if (named.size() < 10) named.push_back(base::text(step));
  const std::size_t others = missing.size() - named.size();
  context.console.warn("loop", base::text("steps.jsonl has no line of ", missing.size(), " of the ", steps_done,
                                          " steps that were done: ", base::join(named, ", "),
                                          others > 0 ? base::text(" and ", others, " more") : ""));
}

}  // namespace

void run(RankContext& context) {
  PhaseClock& clock = *context.clock;
  const spec::Job& job = context.job();
  const log::Console& console = context.console;

  clock.enter(Phase::load);
  base::Stopwatch loading;
  const data::Tokenizer tokenizer =
      job.model.path.empty() ? data::byte_tokenizer() : data::Tokenizer::read(job.model.path);
  if (!job.model.path.empty()) check_tokenizer(context.plan, tokenizer);
  const std::vector<std::int32_t> stop_tokens = stop_tokens_of(context, tokenizer);
  data::PromptSource source = open_prompts(context, tokenizer, job.seed);
  std::unique_ptr<log::Records> records;
  if (context.is_writer() && !context.rehearses())
    records = std::make_unique<log::Records>(context.paths(), context.placement.attempt, context.placement.attempt_id,
                                             spec::is_synthetic(job),
                                             [&](const std::string& sentence) { console.warn("log", sentence); });
  if (spec::is_synthetic(job))
    console.info("loop", "synthetic run: forced lengths, random rewards; it teaches nothing");
  Policy policy(context, stop_tokens);
  Grading grading(job, context.env.reward_fds, tokenizer);
  Checkpoints checkpoints(context, policy, records.get());
  Step step(context, policy, tokenizer, grading, checkpoints);
  if (job.loss.kl_weight > 0) policy.freeze_reference();
  Validation validation(context, policy, tokenizer, step);
  const std::int64_t steps_done = checkpoints.resume(source);
  policy.refit();
  console.info("loop", spec::kReady, {{spec::kLoadSeconds, base::number_text(loading.elapsed_s(), 2)}});

  if (steps_done > 0) {
    console.info("loop", base::text(spec::kResumesAfter, steps_done));
    if (records) warn_of_missing_steps(context, steps_done);
  }
  if (steps_done == 0 && job.warmup.sft_steps > 0) {
    clock.enter(Phase::warmup);
    warm_start(context, policy, tokenizer, step, stop_tokens, records.get());
    policy.refit();
    if (job.loss.kl_weight > 0) policy.freeze_reference();
    console.info("loop", spec::kWarmStartDone, {{"weight_version", base::text(policy.weight_version())}});
  }
  if (steps_done == 0 && job.selftest.start_prompts > 0) {
    clock.enter(Phase::warmup);
    const double reward = measured_reward(context, tokenizer, step, job.selftest.start_prompts, -1);
    if (records) records->warmup({{"kind", "start"}, {"reward", reward}, {"prompts", job.selftest.start_prompts}});
  }

  const auto validate = [&](std::int64_t s) {
    if (!validation.is_due(s)) return;
    clock.enter(Phase::validate);
    validation.look(s, records.get());
  };
  if (steps_done == 0) validate(0);

  double last_end_s = base::steady_s();
  for (std::int64_t s = steps_done + 1; s <= job.grpo.steps; ++s) {
    clock.begin_step(s);
    context.calls.take();  // those of the start and of a validation are no step's
    spec::StepRecord record = step.run(s, source, records.get());
    const double end_s = base::steady_s();
    record.step_to_step_s = end_s - last_end_s;
    last_end_s = end_s;
    if (records) records->step(record);
    validate(s);
    checkpoints.look();  // after the records of the step: a run that goes on behind it has them
    if (s % job.log.every == 0 || s == job.grpo.steps)
      console.info("loop", base::text("step ", s, "/", job.grpo.steps),
                   {{"reward", base::number_text(record.reward, 3)}, {"step_s", base::number_text(record.step_s, 3)}});
    if (checkpoints.is_last_step()) {
      checkpoints.finish();
      throw Error::cluster({.what = base::text("warned that the time is up, it stopped after step ", s, " of ",
                                               job.grpo.steps, ", of which there is a checkpoint")});
    }
  }

  clock.enter(Phase::finish);
  checkpoints.finish();
  if (job.checkpoint.final_model) policy.save(context.paths().final_model());
  context.host().barrier("end");
}

}  // namespace muster::loop
