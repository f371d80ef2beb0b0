#include "runtime/loop/side_figures.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace muster::loop {

std::int64_t generated_tokens(const Rollout& rollout) {
  std::int64_t tokens = 0;
  for (const GradedSample& one : rollout.samples)
    tokens += std::ssize(one.sample.tokens) + std::ssize(rollout.prompts[one.sample.group].tokens);
  return tokens;
}

void add_ages(spec::StepRecord& record, const Rollout& rollout, std::int64_t version) {
  std::int64_t tokens = 0, mixed = 0, sum = 0;
  for (const GradedSample& one : rollout.samples) {
    const generate::Sample& sample = one.sample;
    const auto length = std::ssize(sample.tokens);
    tokens += length;
    mixed += sample.changes.empty() ? 0 : length;
    sum += (version - sample.weight_version) * length;
    std::int64_t before = sample.weight_version;
    for (const generate::WeightChange& change : sample.changes) {
      sum -= (change.version - before) * (length - change.position);
      before = change.version;
    }
    record.age_max = std::max(record.age_max, version - sample.weight_version);
  }
  if (tokens == 0) return;
  record.age_mean = static_cast<double>(sum) / static_cast<double>(tokens);
  record.mixed_share = static_cast<double>(mixed) / static_cast<double>(tokens);
}

void add_sides(spec::StepRecord& record, RankContext& context, const SideSeconds& own) {
  comm::Communicator& world = context.host();
  const at::Tensor row = at::tensor({own.waited, own.generated, static_cast<double>(own.waiting_bytes)}, at::kDouble);
  at::Tensor rows = at::empty({world.size(), row.numel()}, at::kDouble);
  world.all_gather(rows, row.unsqueeze(0), "sides");
  double starved = INFINITY, throttled = INFINITY, generated = 0, bytes = 0;
  for (const spec::RankPlan& rank : context.plan.ranks) {
    const auto* figures = rows.data_ptr<double>() + rank.rank * row.numel();
    (rank.train_rank ? starved : throttled) = std::min(rank.train_rank ? starved : throttled, figures[0]);
    if (rank.gen_rank) generated = std::max(generated, figures[1]);
    bytes += figures[2];
  }
  record.starved_s = starved;
  record.throttled_s = throttled;
  record.queue_bytes += static_cast<std::int64_t>(bytes);
  record.generate_tokens_per_s_per_gpu =
      generated > 0 ? static_cast<double>(own.tokens) / generated / static_cast<double>(context.plan.generate.ranks())
                    : 0;
}

}  // namespace muster::loop
