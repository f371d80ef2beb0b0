// One row of doubles a rank, gathered; the largest of each column and whose it is.
#include "runtime/loop/rank_figures.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "runtime/device/memory.h"

namespace muster::loop {

using spec::Phase;

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

}  // namespace muster::loop
