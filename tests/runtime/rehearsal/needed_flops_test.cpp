#include "runtime/rehearsal/needed_flops.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/ops/flops.h"

namespace muster::rehearsal {
namespace {

spec::ModelFacts facts_of(const char* name) {
  return spec::named_model_facts(name, std::filesystem::path(MUSTER_SOURCE_DIR) / "templates");
}

double forward_of(const RoleFlops& flops, std::int64_t tokens) {
  const auto count = static_cast<double>(tokens);
  return flops.layers(count, ops::causal_pairs(tokens, 0)) + flops.head(count);
}

TEST(NeededFlops, OneRankNeedsAThirdOfForwardAndBackward) {
  for (const char* name : {"llama-3.1-8b", "qwen3-0.6b", "qwen2.5-1.5b"}) {
    const spec::ModelFacts facts = facts_of(name);
    for (const std::int64_t tokens : {500, 4000}) {
      const double whole = spec::training_flops(facts, static_cast<double>(tokens)) / 3;
      EXPECT_NEAR(forward_of(RoleFlops(facts, {}, {}), tokens) / whole, 1, 2e-3) << name;
    }
  }
}

TEST(NeededFlops, RanksOfAGroupAddUpToOne) {
  const spec::ModelFacts facts = facts_of("llama-3.1-8b");
  const double whole = forward_of(RoleFlops(facts, {}, {}), 1000);
  for (const spec::Degrees& degrees :
       {spec::Degrees{.pp = 2}, spec::Degrees{.tp = 4}, spec::Degrees{.tp = 2, .pp = 4}}) {
    double sum = 0;
    for (std::int64_t rank = 0; rank < degrees.ranks(); ++rank)
      sum += forward_of(RoleFlops(facts, degrees, spec::place_of(degrees, rank)), 1000);
    EXPECT_NEAR(sum / whole, 1, 1e-9);
  }
  const spec::Degrees sharded{.dp = 4, .fsdp = 1};  // rows are put together before they are multiplied
  EXPECT_NEAR(forward_of(RoleFlops(facts, sharded, spec::place_of(sharded, 3)), 1000) / whole, 1, 1e-9);
}

/// Two prompts of 10 tokens with two answers each of 5 and 7.
loop::Rollout small_rollout() {
  loop::Rollout rollout{.samples_per_prompt = 2};
  for (std::int64_t group = 0; group < 2; ++group) {
    rollout.prompts.push_back({.tokens = std::vector<std::int32_t>(10, 1)});
    for (std::int64_t index = 0; index < 2; ++index) {
      const std::size_t tokens = index == 0 ? 5 : 7;
      rollout.samples.push_back({.sample = {.group = group,
                                            .index = index,
                                            .tokens = std::vector<std::int32_t>(tokens, 1),
                                            .logprobs = std::vector<float>(tokens),
                                            .raw_logprobs = std::vector<float>(tokens)},
                                 .parts = {0.0}});
    }
  }
  return rollout;
}

TEST(NeededFlops, APromptIsNeededOnceWhereItIsShared) {
  spec::Plan plan;
  plan.model = facts_of("llama-3.1-8b");
  plan.job.grpo.prompts_per_step = plan.job.grpo.samples_per_prompt = 2;
  const spec::RankPlan rank{.train_rank = 0, .gen_rank = 0};
  const RoleFlops one(plan.model, {}, {});
  const loop::Rollout rollout = small_rollout();
  const double prompt = one.layers(10, ops::causal_pairs(10, 0));
  const auto answers = [&] {  // their last tokens are not computed
    return one.layers(4, ops::causal_pairs(4, 10)) + one.layers(6, ops::causal_pairs(6, 10));
  };
  plan.job.train.share_prompt = true;
  NeededFlops needed = needed_flops(plan, rank, rollout);
  EXPECT_NEAR(needed.generate / (2 * (prompt + answers() + one.head(1 + 4 + 6))), 1, 1e-9);
  EXPECT_NEAR(needed.train / (3 * 2 * (prompt + answers() + one.head(5 + 7))), 1, 1e-9);
  EXPECT_EQ(needed.logprob, 0) << "one update: its own log-probabilities are the old ones";
  EXPECT_NEAR(needed.chosen_train, 2 * one.head(12), 1);

  plan.job.train.share_prompt = false;
  plan.job.loss.kl_weight = 0.1;
  plan.job.train.recompute = spec::Recompute::full;
  needed = needed_flops(plan, rank, rollout);
  const double layers = 2 * (2 * prompt + answers()), head = 2 * one.head(12);
  EXPECT_NEAR(needed.train / (3 * (layers + head)), 1, 1e-9);
  EXPECT_NEAR(needed.logprob / (layers + head), 1, 1e-9);
  EXPECT_NEAR(needed.chosen_train / (layers + head), 1, 1e-9);
  double halves = 0;
  for (const spec::Recompute recompute : {spec::Recompute::attention, spec::Recompute::mlp}) {
    plan.job.train.recompute = recompute;
    const double half = needed_flops(plan, rank, rollout).chosen_train - head;
    EXPECT_GT(half, 0);
    halves += half;
  }
  EXPECT_NEAR(halves / layers, 1, 1e-9);
}

TEST(NeededFlops, RanksOfContextParallelismAddUpToOne) {
  spec::Plan plan;
  plan.model = facts_of("qwen3-0.6b");
  plan.job.grpo = {.prompts_per_step = 2, .samples_per_prompt = 2};
  const loop::Rollout rollout = small_rollout();
  for (const bool share_prompt : {false, true}) {
    plan.job.train.share_prompt = share_prompt;
    plan.train = {};
    const double whole = needed_flops(plan, {.train_rank = 0}, rollout).train;
    plan.train.cp = 4;
    double sum = 0;
    for (std::int64_t rank = 0; rank < 4; ++rank) sum += needed_flops(plan, {.train_rank = rank}, rollout).train;
    EXPECT_NEAR(sum / whole, 1, 1e-9) << share_prompt;
  }
}

}  // namespace
}  // namespace muster::rehearsal
