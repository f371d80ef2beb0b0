#include "runtime/rehearsal/needed_flops.h"

#include <algorithm>
#include <map>

#include "runtime/loop/mini_batch.h"
#include "runtime/ops/flops.h"
#include "runtime/parallel/context.h"

namespace muster::rehearsal {
namespace {

/// What one forward over sequences takes in: tokens computed, pairs of attention, rows scored.
struct Amount {
  double tokens = 0, pairs = 0, rows = 0;
};

/// What a rank of cp has of a segment of `length` tokens behind `before` others that all of it sees. The last `scored`
/// of them predict a token.
void add_segment(Amount& amount, std::int64_t length, std::int64_t before, std::int64_t scored, std::int64_t cp,
                 std::int64_t cp_rank) {
  for (const spec::Range& chunk : parallel::context_chunks(length, cp, cp_rank)) {
    amount.tokens += static_cast<double>(chunk.size());
    amount.pairs += ops::causal_pairs(chunk.size(), before + chunk.begin);
    amount.rows += static_cast<double>(std::max<std::int64_t>(0, chunk.end - std::max(chunk.begin, length - scored)));
  }
}

/// Sequences as the trainer computes them: the last token of an answer is only a target.
Amount amount_of(std::span<const train::Sequence> sequences, bool share_prompt, std::int64_t cp, std::int64_t cp_rank) {
  Amount amount;
  std::map<std::int64_t, std::int64_t> groups;  // sequences of each
  for (const train::Sequence& sequence : sequences)
    if (!sequence.answer.empty()) ++groups[sequence.group];
  for (const train::Sequence& sequence : sequences) {
    if (sequence.answer.empty()) continue;
    const auto prompt = std::ssize(sequence.prompt), computed = std::ssize(sequence.answer) - 1;
    if (!share_prompt || groups[sequence.group] == 1) {
      add_segment(amount, prompt + computed, 0, computed + 1, cp, cp_rank);
      continue;
    }
    add_segment(amount, computed, prompt, computed, cp, cp_rank);
  }
  // The first token of every answer of a group is predicted by the last one of its prompt.
  if (!share_prompt) return amount;
  for (const train::Sequence& sequence : sequences) {
    const auto found = groups.find(sequence.group);
    if (sequence.answer.empty() || found == groups.end() || found->second == 1) continue;
    Amount prompt;
    add_segment(prompt, std::ssize(sequence.prompt), 0, 1, cp, cp_rank);
    amount.tokens += prompt.tokens;
    amount.pairs += prompt.pairs;
    amount.rows += prompt.rows * static_cast<double>(found->second);
    groups.erase(found);
  }
  return amount;
}

/// Prompts of a group once, answers one by one; the first tokens of a group come from one row.
Amount generated_amount(const loop::Rollout& rollout, const spec::Range& groups) {
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

/// How much of the tokens that this rank's tp group computes are multiplied with the parameter here: of an expert those
/// that chose it, where tokens fall on the experts evenly. Where experts are not cut over tp its ranks share the
/// tokens.
double share_of_tokens(const spec::ModelFacts& facts, const spec::Degrees& degrees, const spec::Coordinates& place,
                       const spec::Parameter& parameter) {
  if (parameter.expert < 0 && !spec::is_router(parameter)) return 1;
  const double tokens = spec::experts_are_cut(degrees) ? 1 : 1 / static_cast<double>(degrees.tp);
  if (parameter.expert < 0) return tokens;
  return tokens * static_cast<double>(facts.experts_per_token) /
         static_cast<double>(spec::experts_of(facts, degrees.ep, place.ep).size());
}

}  // namespace

RoleFlops::RoleFlops(const spec::ModelFacts& facts, const spec::Degrees& degrees, const spec::Coordinates& place,
                     std::int64_t pair_width) {
  spec::Degrees whole = degrees;
  whole.fsdp = 0;  // cut rows are put together before they are multiplied
  std::int64_t num_layers = 0;
  for (const spec::Parameter& parameter : spec::parameters_of(facts)) {
    const auto numel = static_cast<double>(spec::box_of(facts, parameter, whole, place).numel());
    if (spec::is_choice_bias(parameter)) continue;  // added, not multiplied
    if (parameter.shape.size() < 2) {
      num_layers += numel > 0 && parameter.name.ends_with("input_layernorm.weight") ? 1 : 0;
      continue;
    }
    if (parameter.layer >= 0)
      (parameter.name.find(".mlp.") == std::string::npos ? mixer_token_ : feed_token_) +=
          2 * numel * share_of_tokens(facts, degrees, place, parameter);
    const char* const head = facts.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
    const bool is_last = place.pp == degrees.pp - 1;
    if (parameter.name == head && is_last) head_row_ = 2 * numel;
  }
  const std::int64_t heads = spec::query_heads_of(facts, degrees.tp, place.tp).size();
  layer_pair_ =
      static_cast<double>(num_layers) * ops::attention_flops(1, heads, pair_width > 0 ? pair_width : facts.head_dim);
}

NeededFlops needed_flops(const spec::Plan& plan, const spec::RankPlan& rank, const loop::Rollout& rollout,
                         const generate::SchedulerFigures& generated) {
  const spec::Job& job = plan.job;
  NeededFlops needed;
  if (rank.gen_rank) {
    const spec::Coordinates place = spec::place_of(plan.generate, *rank.gen_rank);
    const spec::ModelFacts& facts = plan.model;  // of latent attention in the form that its cache asks for
    const std::int64_t width = facts.kv_lora_rank > 0 ? facts.kv_lora_rank + facts.qk_rope_head_dim : facts.head_dim;
    const RoleFlops flops(facts, plan.generate, place, width);
    const Amount amount =
        generated_amount(rollout, spec::part_of(std::ssize(rollout.prompts), plan.generate.dp, place.dp));
    needed.generate = flops.layers(amount.tokens, amount.pairs) + flops.head(amount.rows);
    needed.chosen_generate =
        flops.layers(static_cast<double>(generated.repeated_tokens), static_cast<double>(generated.repeated_pairs));
  }
  if (!rank.train_rank) return needed;
  const spec::Coordinates place = spec::place_of(plan.train, *rank.train_rank);
  const RoleFlops flops(plan.model, plan.train, place, std::max(plan.model.head_dim, plan.model.v_head_dim));
  const std::vector<double> advantages(rollout.samples.size(), 0);
  const std::vector<loop::MiniBatch> shares = loop::mini_batches(rollout, advantages, job, plan.train.dp, place.dp);
  const double passes = (shares.size() > 1 && !job.loss.force_on_policy ? 1 : 0) + (spec::uses_reference(job) ? 1 : 0);
  for (const loop::MiniBatch& share : shares) {
    const Amount amount = amount_of(share.sequences, job.train.share_prompt, plan.train.cp, place.cp);
    const double layers = flops.layers(amount.tokens, amount.pairs), head = flops.head(amount.rows);
    needed.logprob += passes * (layers + head);
    needed.train += 3 * (layers + head);
    if (job.train.recompute == spec::Recompute::full) needed.chosen_train += layers;
    if (job.train.recompute == spec::Recompute::attention)
      needed.chosen_train += flops.mixers(amount.tokens, amount.pairs);
    if (job.train.recompute == spec::Recompute::mlp) needed.chosen_train += flops.feed_forwards(amount.tokens);
    needed.chosen_train += head;  // at most: the last chunk of a micro batch keeps its logits
  }
  return needed;
}

}  // namespace muster::rehearsal
