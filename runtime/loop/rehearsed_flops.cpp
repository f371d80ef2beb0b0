#include "runtime/loop/rehearsed_flops.h"

#include <set>

#include "runtime/loop/mini_batch.h"
#include "runtime/ops/flops.h"

namespace muster::loop {
namespace {

/// What one forward over sequences takes in: tokens computed, pairs of attention, rows scored.
struct Amount {
  double tokens = 0, pairs = 0, rows = 0;
};

/// Sequences as the trainer computes them: the last token of an answer is only a target.
Amount amount_of(std::span<const train::Sequence> sequences, bool share_prompt) {
  Amount amount;
  std::set<std::int64_t> groups;
  for (const train::Sequence& sequence : sequences) {
    if (sequence.answer.empty()) continue;
    const auto prompt = std::ssize(sequence.prompt);
    const auto computed = std::ssize(sequence.answer) - 1;
    amount.rows += static_cast<double>(computed + 1);
    amount.tokens += static_cast<double>(computed);
    amount.pairs += ops::causal_pairs(computed, prompt);
    if (share_prompt && !groups.insert(sequence.group).second) continue;
    amount.tokens += static_cast<double>(prompt);
    amount.pairs += ops::causal_pairs(prompt, 0);
  }
  return amount;
}

/// Prompts of a group once, answers one by one; the first tokens of a group come from one row.
Amount generated_amount(const Rollout& rollout, const spec::Range& groups) {
  Amount amount;
  for (std::int64_t g = groups.begin; g < groups.end; ++g) {
    const auto prompt = std::ssize(rollout.prompts[g].tokens);
    amount.tokens += static_cast<double>(prompt);
    amount.pairs += ops::causal_pairs(prompt, 0);
    amount.rows += 1;
    for (std::int64_t s = g * rollout.samples_per_prompt; s < (g + 1) * rollout.samples_per_prompt; ++s) {
      const auto computed = std::ssize(rollout.samples[s].sample.tokens) - 1;
      amount.tokens += static_cast<double>(computed);
      amount.rows += static_cast<double>(computed);
      amount.pairs += ops::causal_pairs(computed, prompt);
    }
  }
  return amount;
}

}  // namespace

RoleFlops::RoleFlops(const spec::ModelFacts& facts, const spec::Degrees& degrees, const spec::Coordinates& place) {
  spec::Degrees whole = degrees;
  whole.fsdp = 0;  // cut rows are put together before they are multiplied
  std::int64_t num_layers = 0;
  for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
    const auto numel = static_cast<double>(spec::box_of(facts, parameter, whole, place).numel());
    if (parameter.shape.size() < 2) {
      num_layers += numel > 0 && parameter.name.ends_with("input_layernorm.weight") ? 1 : 0;
      continue;
    }
    if (parameter.layer >= 0) layer_token_ += 2 * numel;
    const char* const head = facts.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
    const bool is_last = place.pp == degrees.pp - 1;
    if (parameter.name == head && is_last) head_row_ = 2 * numel;
  }
  const std::int64_t heads = spec::query_heads_of(facts, degrees.tp, place.tp).size();
  layer_pair_ = static_cast<double>(num_layers) * ops::attention_flops(1, heads, facts.head_dim);
}

NeededFlops needed_flops(const spec::Plan& plan, const spec::RankPlan& rank, const Rollout& rollout) {
  const spec::Job& job = plan.job;
  NeededFlops needed;
  if (rank.gen_rank) {
    const spec::Coordinates place = spec::place_of(plan.generate, *rank.gen_rank);
    const RoleFlops flops(plan.model, plan.generate, place);
    const Amount amount =
        generated_amount(rollout, spec::part_of(std::ssize(rollout.prompts), plan.generate.dp, place.dp));
    needed.generate = flops.layers(amount.tokens, amount.pairs) + flops.head(amount.rows);
  }
  if (!rank.train_rank) return needed;
  const spec::Coordinates place = spec::place_of(plan.train, *rank.train_rank);
  const RoleFlops flops(plan.model, plan.train, place);
  const std::vector<double> advantages(rollout.samples.size(), 0);
  const std::vector<MiniBatch> shares = mini_batches(rollout, advantages, job, plan.train.dp, place.dp);
  const double passes = (shares.size() > 1 && !job.loss.force_on_policy ? 1 : 0) + (job.loss.kl_weight > 0 ? 1 : 0);
  for (const MiniBatch& share : shares) {
    const Amount amount = amount_of(share.sequences, job.train.share_prompt);
    const double layers = flops.layers(amount.tokens, amount.pairs), head = flops.head(amount.rows);
    needed.logprob += passes * (layers + head);
    needed.train += 3 * (layers + head);
    if (job.train.recompute == spec::Recompute::full) needed.chosen_train += layers;
    needed.chosen_train += head;  // at most: the last chunk of a micro batch keeps its logits
  }
  return needed;
}

}  // namespace muster::loop
