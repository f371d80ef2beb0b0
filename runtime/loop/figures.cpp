#include "runtime/loop/figures.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "runtime/base/process.h"
#include "runtime/device/memory.h"
#include "runtime/loop/grading.h"
#include "runtime/loop/step.h"

namespace muster::loop {

using spec::Phase;

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

void add_train_figures(spec::StepRecord& record, const TrainFigures& figures) {
  const TokenSums& sums = figures.sums;
  const double tokens = std::max(1.0, sums.tokens);
  const double updates = std::max<double>(1, static_cast<double>(figures.losses.size()));
  record.losses = figures.losses;
  record.grad_norms = figures.grad_norms;
  record.lr = figures.lr;
  record.advantage_mean = figures.advantage_mean;
  record.advantage_max = figures.advantage_max;
  record.advantage_min = figures.advantage_min;
  record.tensor_norms = figures.tensor_norms;
  record.logprob_diff_mean = sums.abs_diff / tokens;
  record.logprob_diff_max = sums.max_diff;
  record.prob_error = sums.prob_error / tokens;
  record.gen_kl = sums.gen_kl / tokens;
  record.entropy = sums.entropy / tokens;
  record.kl = sums.kl / updates;
  record.kl_penalty = figures.kl_weight * record.kl;
  record.clip_share = sums.clip_share / updates;
  record.ratio_mean = sums.ratio / updates;
  record.correction_mean = sums.correction / updates;
}

void add_refit_figures(spec::StepRecord& record, const refit::RefitFigures& figures) {
  record.refit_bytes = figures.sent_bytes;
  record.refit_least_bytes = figures.least_bytes;
  record.refit_transfer_s = figures.transfer_s;
  record.refit_checked_tensors = figures.checked_tensors;
}

void add_rank_figures(spec::StepRecord& record, RankContext& context, Policy& policy) {
  constexpr std::array<Phase, 5> kStepPhases{Phase::generate, Phase::reward, Phase::logprob, Phase::train,
                                             Phase::refit};
  comm::Communicator& world = context.host();
  PhaseClock& clock = *context.clock;

  // One row a rank: phase seconds, memory by owner, the largest resident set.
  const spec::MemoryFigures memory = policy.memory();
  std::vector<double> own;
  for (const Phase phase : kStepPhases) own.push_back(clock.seconds(phase));
  for (const std::int64_t bytes : memory.bytes) own.push_back(static_cast<double>(bytes));
  own.push_back(static_cast<double>(device::device_memory(context.gpu).peak_bytes));
  const OffloadStats moved = policy.take_offload_stats();
  own.push_back(static_cast<double>(moved.bytes));
  own.push_back(moved.seconds);
  for (const Phase phase : kStepPhases)
    for (const std::int64_t bytes : clock.peak(phase).bytes) own.push_back(static_cast<double>(bytes));
  const at::Tensor row = at::tensor(own, at::kDouble);
  at::Tensor rows = at::empty({world.size(), row.numel()}, at::kDouble);
  world.all_gather(rows, row.unsqueeze(0), "figures");
  // The largest value of a column among the ranks that `counts` names, and whose it is.
  const auto largest = [&](std::size_t column, const auto& counts) {
    std::pair<std::int64_t, double> best{-1, -1};
    for (const spec::RankPlan& rank : context.plan.ranks) {
      const double value = rows[rank.rank][static_cast<std::int64_t>(column)].item<double>();
      if (counts(rank) && value > best.second) best = {rank.rank, value};
    }
    return best;
  };
  const auto everyone = [](const spec::RankPlan&) { return true; };
  std::size_t column = 0;
  for (const Phase phase : kStepPhases) {
    // A rank without the phase's role waits while the others work: it is not slow.
    const bool by_generators = phase == Phase::generate || phase == Phase::reward;
    record.slowest_rank[spec::phase_name(phase)] =
        largest(column++, [&](const spec::RankPlan& rank) {
          return by_generators ? rank.gen_rank.has_value() : rank.train_rank.has_value();
        }).first;
  }
  for (const spec::MemoryOwner owner : spec::kMemoryOwners) {
    const auto bytes = static_cast<std::int64_t>(largest(column++, everyone).second);
    if (bytes > 0) record.memory[spec::memory_owner_name(owner)] = bytes;
  }
  record.peak_memory_bytes = static_cast<std::int64_t>(largest(column++, everyone).second);
  record.moved_bytes = static_cast<std::int64_t>(largest(column++, everyone).second);
  record.move_s = largest(column++, everyone).second;
  for (const Phase phase : kStepPhases)
    for (const spec::MemoryOwner owner : spec::kMemoryOwners)
      if (const auto bytes = static_cast<std::int64_t>(largest(column++, everyone).second); bytes > 0)
        record.phase_memory[spec::phase_name(phase)][spec::memory_owner_name(owner)] = bytes;
  for (const spec::RankPlan& rank : context.plan.ranks) {
    const spec::MemoryFigures predicted =
        spec::predicted_memory(context.plan.model, context.job(), rank.train_rank.has_value(),
                               rank.gen_rank.has_value(), context.plan.kv_pages);
    for (const spec::MemoryOwner owner : spec::kMemoryOwners) {
      if (predicted.of(owner) == 0) continue;
      std::int64_t& most = record.memory_predicted[spec::memory_owner_name(owner)];
      most = std::max(most, predicted.of(owner));
    }
  }

  for (const comm::CallCount& call : context.calls.take()) {
    if (call.label.starts_with("checkpoint.")) continue;  // the same step with and without one is the same step
    record.calls[call.communicator]["count"] += call.count;
    record.calls[call.communicator]["bytes"] += call.bytes;
  }
  record.time = base::wall_clock_text();
  double named = 0;
  for (const Phase phase : {Phase::generate, Phase::reward, Phase::logprob, Phase::train, Phase::refit, Phase::log}) {
    const double seconds = clock.seconds(phase);
    record.phases[std::string(spec::phase_name(phase)) + "_s"] = seconds;
    named += seconds;
  }
  record.step_s = clock.step_seconds();
  record.phases["other_s"] = std::max(0.0, record.step_s - named);

  const auto rate = [](double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; };
  const auto tokens = static_cast<double>(record.tokens);
  const auto ranks = static_cast<double>(world.size());
  const auto train_ranks = static_cast<double>(context.plan.train.ranks());
  record.tokens_per_s_per_gpu = rate(tokens, record.step_s) / ranks;
  record.generate_tokens_per_s_per_gpu = rate(tokens, record.phases["generate_s"] + record.phases["reward_s"]) /
                                         static_cast<double>(context.plan.generate.ranks());
  record.train_tokens_per_s_per_gpu = rate(tokens, record.phases["train_s"]) / train_ranks;
  if (context.plan.peak_tflops > 0) {
    const double per_sequence = spec::training_flops(
        context.plan.model, tokens / static_cast<double>(std::max<std::int64_t>(1, record.samples)));
    record.mfu = rate(per_sequence * static_cast<double>(record.samples), record.phases["train_s"]) / train_ranks /
                 (context.plan.peak_tflops * 1e12);
  }
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
                       .reward = scored.reward,
                       .outcome = reward::outcome_name(scored.outcome),
                       .reward_note = scored.note,
                       .finish = scored.sample.finish == generate::Finish::stop ? "stop" : "length"});
  }
  return records;
}

}  // namespace muster::loop
