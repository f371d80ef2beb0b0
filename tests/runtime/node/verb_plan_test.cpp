#include "runtime/node/verb_plan.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::node {
namespace {

const spec::ModelFacts kSmollm2{.hidden_size = 576,
                                .num_layers = 30,
                                .num_heads = 9,
                                .num_kv_heads = 3,
                                .head_dim = 64,
                                .intermediate_size = 1536,
                                .vocab_size = 49152,
                                .max_position_embeddings = 8192,
                                .end_tokens = {2}};

spec::Plan planned(const std::string& kind, std::int64_t ranks, std::vector<std::pair<std::string, std::string>> keys) {
  spec::Plan plan = plan_verb({.kind = kind,
                               .model = "/model",
                               .ranks = ranks,
                               .keys = std::move(keys),
                               .max_sequence_tokens = 100,
                               .num_rows = 5},
                              kSmollm2);
  plan.run_folder = "/run";
  plan.binaries = "/bin";
  spec::check_plan(plan, "plan.toml");
  EXPECT_EQ(spec::parse_plan(spec::plan_text(plan), "plan.toml"), plan);
  return plan;
}

std::string refusal(const std::string& kind, std::int64_t ranks,
                    std::vector<std::pair<std::string, std::string>> keys) {
  try {
    planned(kind, ranks, std::move(keys));
  } catch (const Error& error) {
    return error.what();
  }
  return "planned";
}

TEST(VerbPlan, OneRankByDefault) {
  const spec::Plan plan = planned("score", 0, {});
  EXPECT_EQ(plan.ranks.size(), 1u);
  EXPECT_EQ(plan.job.model.dtype, spec::DataType::fp32);
  EXPECT_EQ(plan.job.grpo.max_sequence_tokens, 100);
}

TEST(VerbPlan, DegreesOfOneRoleHoldForTheOtherAndDpTakesTheRest) {
  for (const char* key : {"train.tp", "gen.tp"}) {
    const spec::Plan plan = planned("generate", 6, {{key, "3"}});
    EXPECT_EQ(plan.ranks.size(), 6u);
    EXPECT_EQ(plan.train.tp, 3);
    EXPECT_EQ(plan.train.dp, 2);
    EXPECT_EQ(plan.generate.tp, 3);
    EXPECT_EQ(plan.generate.dp, 2);
  }
  EXPECT_EQ(planned("score", 0, {{"train.tp", "3"}}).ranks.size(), 3u);
  EXPECT_EQ(planned("score", 2, {}).train.dp, 2);
}

TEST(VerbPlan, KeysOfAJobAreTaken) {
  const spec::Plan plan =
      planned("generate", 1, {{"model.dtype", "bf16"}, {"sampling.temperature", "0"}, {"seed", "7"}, {"threads", "2"}});
  EXPECT_EQ(plan.job.gen.dtype, spec::DataType::bf16);
  EXPECT_EQ(plan.job.sampling.temperature, 0) << "greedy is allowed where nothing learns";
  EXPECT_EQ(plan.job.seed, 7u);
  EXPECT_EQ(plan.environment.at(0).value, "2");
}

TEST(VerbPlan, RowsNeedNoLengthThatALayoutDivides) {
  const std::int64_t one = planned("score", 1, {}).job.grpo.max_sequence_tokens;
  const std::int64_t cut = planned("score", 8, {{"train.cp", "8"}}).job.grpo.max_sequence_tokens;
  EXPECT_EQ(cut % 16, 0);
  EXPECT_GE(cut, one);
  EXPECT_LT(cut, one + 16);
}

TEST(VerbPlan, WhatDoesNotFitIsRefusedByTheWordsThatWereTyped) {
  EXPECT_NE(refusal("score", 2, {{"train.tp", "2"}}).find("--train.tp 2: train.tp = 2 does not divide 9 query heads"),
            std::string::npos);
  EXPECT_NE(refusal("score", 4, {{"train.tp", "3"}}).find("3 ranks, but there are 4"), std::string::npos);
  EXPECT_NE(refusal("score", 4, {{"train.dp", "3"}}).find("x dp 3 ranks, but there are 4"), std::string::npos);
  EXPECT_NE(refusal("score", 1, {{"train.tq", "3"}}).find("tq"), std::string::npos);
  EXPECT_NE(refusal("score", 1, {{"train.tp", "many"}}).find("train.tp"), std::string::npos);
}

}  // namespace
}  // namespace muster::node
