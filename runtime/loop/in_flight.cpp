// One step: samples of a step together, training beside what is still drawn, new weights for it.
#include "runtime/loop/in_flight.h"

#include <algorithm>

#include "runtime/base/clock.h"
#include "runtime/base/text.h"
#include "runtime/loop/overlapped.h"
#include "runtime/loop/sabotage.h"
#include "runtime/loop/side_figures.h"
#include "runtime/loop/step.h"

namespace muster::loop {
namespace {

using spec::Phase;

constexpr double kLookEvery_s = 0.005;       // at the store, by one rank of each replica
constexpr const char* kTrained = "trained";  // key: the last step whose training is over

constexpr double kTellAfter_s = 30;  // of waiting for samples, and again after twice as long

std::string shares_key(std::int64_t step) { return base::text("shares/", step); }
std::string share_key(std::int64_t step, std::int64_t replica) { return base::text("share/", step, "/", replica); }

// Whether the number under `key` has come to `wanted`; looks now and then. Null without a store, in a rehearsal.
generate::IsCalled reaches(const RankContext& context, const std::string& key, std::int64_t wanted) {
  if (context.store == nullptr) return {};
  return [&context, key, wanted, last_s = -kLookEvery_s]() mutable {
    if (base::steady_s() - last_s < kLookEvery_s) return false;
    last_s = base::steady_s();
    const std::optional<std::string> found = context.store->find(key);
    return found && std::stoll(*found) >= wanted;
  };
}

}  // namespace

void InFlight::finish_shares(std::int64_t step) {
  RankContext& context = session_.context;
  if (!context.generate) return;
  generate::Generator& generator = session_.policy.generator();
  const spec::Coordinates& own = context.generate->coordinates();
  const bool counts = context.store != nullptr && own.tp == 0 && own.pp == 0;
  bool is_counted = false;
  const auto count_if_ended = [&] {
    if (is_counted || !counts || !generator.has_ended(step)) return;
    context.store->set(share_key(step, own.dp), "ended");
    context.store->add(shares_key(step), 1);
    is_counted = true;
  };
  const generate::IsCalled all_have = reaches(context, shares_key(step), context.generate->degrees().dp);
  const generate::IsCalled is_called = [&] {
    count_if_ended();
    return is_counted && all_have();
  };
  session_.generator.run_until(all_have ? is_called : generate::IsCalled{}, waiting_);
  count_if_ended();
}

void InFlight::run_beside(std::int64_t step) {
  session_.generator.run_until(reaches(session_.context, kTrained, step), waiting_);
}

void InFlight::wait_for_samples(std::int64_t step) {
  RankContext& context = session_.context;
  const base::Stopwatch waiting;
  double tell_s = kTellAfter_s;
  context.host().wait_for_all("samples", [&] {
    if (context.store == nullptr || !context.is_writer() || waiting.elapsed_s() < tell_s) return;
    tell_s *= 2;
    std::vector<std::int64_t> missing;
    for (std::int64_t replica = 0; replica < context.plan.generate.dp; ++replica)
      if (!context.store->find(share_key(step, replica))) missing.push_back(replica);
    if (!missing.empty()) context.console.warn("loop", waiting_text(context.plan, step, missing));
  });
}

std::string waiting_text(const spec::Plan& plan, std::int64_t step, const std::vector<std::int64_t>& replicas) {
  std::vector<std::string> named;
  for (const std::int64_t replica : replicas) {
    std::vector<std::string> ranks;
    for (const spec::RankPlan& rank : plan.ranks)
      if (rank.gen_rank && spec::place_of(plan.generate, *rank.gen_rank).dp == replica)
        ranks.push_back(base::text(rank.rank));
    named.push_back(base::text(replica, " (rank ", base::join(ranks, ", "), ")"));
  }
  return base::text("step ", step, " waits for the samples of replica ", base::join(named, ", "), ", ", replicas.size(),
                    " of ", plan.generate.dp);
}

data::Cursor InFlight::cursor() const { return waiting_.empty() ? session_.source.cursor() : waiting_.front().before; }

spec::StepRecord InFlight::run_step(std::int64_t step) {
  const spec::Job& job = session_.job();
  RankContext& context = session_.context;
  Policy& policy = session_.policy;
  const std::int64_t version = policy.weight_version();
  SideSeconds seconds;

  policy.enter(Phase::generate);
  for (; next_step_ <= std::min(step + job.async.max_staleness, job.grpo.steps); ++next_step_) {
    waiting_.push_back(draw_rollout(session_, next_step_));
    session_.generator.begin(waiting_.back().rollout.prompts, job.grpo.samples_per_prompt, next_step_);
  }
  if (policy.generates()) policy.generator().set_weight_version(version, job.async.recompute_kv);
  const base::Stopwatch until_samples;
  finish_shares(step);
  QueuedRollout now = std::move(waiting_.front());
  waiting_.pop_front();
  const std::vector<GradedSample> own = session_.generator.take(step);
  seconds.generated = until_samples.elapsed_s();
  wait_for_samples(step);
  now.rollout = session_.generator.exchange(std::move(now.rollout.prompts), job.grpo.samples_per_prompt, step, own);
  if (policy.trains()) seconds.waited = until_samples.elapsed_s();

  // From here on both sides work at the same time, each on its own ranks.
  const base::Stopwatch beside;
  run_beside(step);
  seconds.generated += beside.elapsed_s();
  const TrainFigures trained = session_.trainer.train(now.rollout, step);  // enters logprob, then train
  if (context.store != nullptr && context.self.train_rank == 0) context.store->set(kTrained, base::text(step));

  context.clock->enter(policy.trains() ? Phase::generate : Phase::refit);
  const base::Stopwatch waiting;
  context.host().wait_for_all("sides");
  if (policy.generates()) seconds.waited = waiting.elapsed_s();

  policy.enter(Phase::refit);
  const refit::RefitFigures moved = refits(job) ? policy.refit() : refit::RefitFigures{};

  policy.enter(Phase::checkpoint);
  const RolloutQueue nothing_whole;
  session_.checkpoints.copy_if_due(step, cursor(), &nothing_whole);

  policy.enter(Phase::log);
  spec::StepRecord record = step_record(session_, step, now.rollout, trained, moved);  // collective: world
  record.weight_version = version;
  for (const GradedSample& one : now.rollout.samples)
    record.weight_version = std::min(record.weight_version, one.sample.weight_version);
  record.refused_rows = now.refused_rows;
  record.queue_steps = std::ssize(waiting_);
  seconds.tokens = generated_tokens(now.rollout);
  seconds.waiting_bytes = session_.generator.waiting_bytes();
  add_ages(record, now.rollout, version);
  add_sides(record, context, seconds);
  return record;
}

}  // namespace muster::loop
