#include "runtime/spec/plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/spec/memory.h"

namespace muster::spec {
namespace {

ModelFacts facts() {
  return {.family = Family::qwen3,
          .hidden_size = 64,
          .num_layers = 4,
          .num_heads = 8,
          .num_kv_heads = 2,
          .head_dim = 8,
          .intermediate_size = 192,
          .vocab_size = 512,
          .max_position_embeddings = 8192,
          .qk_norm = true,
          .end_tokens = {1, 2}};
}

/// 2 nodes x 4 ranks, colocated; or split with a generator of 4 ranks on a node of its own.
Plan make(bool is_split) {
  Plan plan;
  plan.muster_version = "0.1.0";
  plan.model = facts();
  plan.cluster = "local";
  plan.job.name = "tiny";
  plan.job.model.path = "/m";
  plan.job.data.path = "builtin:sums";
  plan.job.train.tp = 2;
  plan.job.train.dp = is_split ? 2 : 4;
  plan.job.gen.tp = 4;
  plan.job.gen.dp = is_split ? 1 : 2;
  plan.job.placement.mode = is_split ? PlacementMode::split : PlacementMode::colocated;
  plan.num_nodes = 2;
  plan.ranks_per_node = 4;
  plan.train = train_degrees(plan.job);
  plan.generate = gen_degrees(plan.job);
  for (std::int64_t rank = 0; rank < 8; ++rank) {
    RankPlan entry{.rank = rank, .node_slot = rank / 4, .local_rank = rank % 4, .device = rank % 4};
    if (!is_split || rank < 4) entry.train_rank = rank;
    if (!is_split) entry.gen_rank = rank;
    if (is_split && rank >= 4) entry.gen_rank = rank - 4;
    entry.role = !is_split ? Role::both : rank < 4 ? Role::train : Role::generate;
    plan.ranks.push_back(entry);
  }
  plan.ranks[1].cpus = {0, 2};
  plan.ranks[1].environment = {{"CUDA_VISIBLE_DEVICES", "1", "plan"}};
  plan.environment = {{"OMP_NUM_THREADS", "1", "job threads"}, {"A_TEXT", "with \"quotes\" and = ", "cluster local"}};
  plan.run_folder = "/runs/x";
  plan.binaries = "/opt/bin";
  plan.warnings = {"one", "two"};
  return plan;
}

TEST(Plan, TextAndBackIsTheSamePlan) {
  for (const bool is_split : {false, true}) {
    const Plan plan = make(is_split);
    EXPECT_NO_THROW(check_plan(plan, "p"));
    EXPECT_EQ(parse_plan(plan_text(plan), "plan.toml"), plan);
  }
}

TEST(Plan, JsonIsTheSameTreeWithMemory) {
  const auto json = nlohmann::json::parse(plan_json(make(true)));
  EXPECT_EQ(json["ranks"].size(), 8u);
  EXPECT_EQ(json["mesh"]["train"]["dp"], 2);
  EXPECT_GT(json["memory"]["train"]["phases"]["train"]["device"]["moments"], 0);
  EXPECT_GT(json["memory"]["generate"]["phases"]["generate"]["device"]["kv_pages"], 0);
  EXPECT_GT(json["memory"]["generate"]["kv_pages"], 0);
  EXPECT_EQ(json["memory"]["train"]["moves"], "none");
  EXPECT_EQ(json["warnings"].size(), 2u);
}

std::string refusal(const std::function<void(Plan&)>& change, bool is_split = false) {
  Plan plan = make(is_split);
  change(plan);
  try {
    parse_plan(plan_text(plan), "plan.toml");
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    for (const auto& fault : error.faults()) EXPECT_EQ(fault.where.rfind("plan.toml", 0), 0u) << fault.what;
    return error.what();
  }
  return "accepted";
}

void expect_has(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(Plan, RefusesWhatDoesNotHoldTogetherWithItsPlace) {
  expect_has(refusal([](Plan& p) { p.ranks[3].rank = 2; }), "rank 2 is there twice");
  expect_has(refusal([](Plan& p) { p.ranks[3].rank = 30; }), "rank 30 of 8 ranks");
  expect_has(refusal([](Plan& p) { p.ranks[3].train_rank = 2; }),
             "place 2 of the train mesh is taken twice, by rank 2 and rank 3");
  expect_has(refusal([](Plan& p) { p.ranks[3].gen_rank = 8; }), "stands at place 8 of the generate mesh, which has 8");
  expect_has(refusal([](Plan& p) { p.ranks[5].node_slot = 2; }), "node slot 2, but there are 2");
  expect_has(refusal([](Plan& p) { p.ranks[5].local_rank = 4; }), "local rank 4, but a node has 4");
  expect_has(refusal([](Plan& p) { p.ranks[5].local_rank = 0; }), "both are local rank 0 of node slot 1");
  expect_has(refusal([](Plan& p) { p.ranks.pop_back(); }), "has ranks at 7 of its places");
  expect_has(refusal([](Plan& p) { p.train.dp = 5; }), "but the job asks for tp 2");
  expect_has(refusal([](Plan& p) { p.job.train.dp = 5; }), "do");
  expect_has(refusal([](Plan& p) { p.device = "tpu"; }), "device = \"tpu\"");
  for (const char* version : {"99.0", "0.200.1", "new"})
    expect_has(refusal([&](Plan& p) { p.muster_version = version; }), "but this is 0.");
  expect_has(refusal([](Plan& p) { p.model = {}; }), "must be");
  expect_has(refusal([](Plan& p) { p.model.num_kv_heads = 3; }), "no multiple of 3");
  expect_has(refusal([](Plan& p) { p.num_nodes = 4; }), "have no rank, but placement.spares is 0");
  expect_has(refusal([](Plan& p) { p.environment[0].name = "A B"; }), "no name of an environment variable");
  expect_has(refusal([](Plan& p) { p.environment.push_back({"MUSTER_RANK", "1", ""}); }), "given by the node agent");
  expect_has(refusal([](Plan& p) { p.ranks[0].role = Role::train; }), "in a colocated plan");
  expect_has(refusal([](Plan& p) { p.ranks[0].gen_rank.reset(); }), "generates, but has no gen_rank");
  expect_has(refusal([](Plan& p) {
               p.device = "cuda";
               p.job.train.share_prompt = false;
               p.ranks[2].device = 1;
             }),
             "share device 1");
  expect_has(refusal(
                 [](Plan& p) {
                   p.ranks[4].node_slot = 0;
                   p.ranks[4].local_rank = 0;
                 },
                 true),
             "holds roles");
  expect_has(refusal([](Plan& p) { p.job.grpo.samples_per_prompt = 1; }), "at least 2");
}

TEST(Plan, NamesTheLineOfTheRank) {
  Plan plan = make(false);
  plan.ranks[5].train_rank = 2;
  const std::string text = plan_text(plan);
  const auto line =
      1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find("{ rank = 5")), '\n');
  try {
    parse_plan(text, "plan.toml");
    FAIL();
  } catch (const Error& error) {
    expect_has(error.what(), "plan.toml:" + std::to_string(line) + ":3: place 2 of the train mesh");
  }
}

TEST(Plan, AHugeMeshIsRefusedBeforeAnythingIsCounted) {
  const std::string text = refusal([](Plan& p) {
    for (Degrees* d : {&p.train, &p.generate}) *d = {.tp = 4096, .cp = 4096, .dp = 4096, .pp = 4096};
    p.job.train.tp = p.job.train.cp = p.job.train.dp = p.job.train.pp = 4096;
  });
  expect_has(text, "has ranks at 8 of its places");
}

TEST(Plan, MutatedPlansNeverCrashAndAlwaysNameAPlace) {
  const std::string text = plan_text(make(true));
  for (std::uint64_t index = 0; index < 1500; ++index) {
    const base::RandomKey key(2, base::Purpose::test, index);
    std::string changed = text;
    for (std::uint64_t change = 0; change < 3; ++change) {
      const auto at = static_cast<std::size_t>(key.uniform(change) * static_cast<double>(changed.size()));
      const auto word = key.at(change);
      if (word[1] % 3 == 0) changed[at] = static_cast<char>('0' + word[2] % 10);
      if (word[1] % 3 == 1) changed.erase(at, word[2] % 20);
      if (word[1] % 3 == 2) changed.insert(at, std::to_string(word[2] % 100));
    }
    try {
      parse_plan(changed, "plan.toml");
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2) << error.what();
      for (const auto& fault : error.faults()) EXPECT_EQ(fault.where.rfind("plan.toml", 0), 0u) << fault.what;
    }
  }
}

Placement placement() {
  return {.attempt = 1,
          .attempt_id = "abc",
          .port = 20000,
          .key_file = "/k",
          .nodes = {{0, "n0", "10.0.0.1"}, {1, "n1", "10.0.0.2"}}};
}

TEST(Placement, TextAndBackIsTheSame) { EXPECT_EQ(parse_placement(placement_text(placement()), "p"), placement()); }

TEST(Placement, EverySlotOfThePlanNeedsItsNodeOnce) {
  EXPECT_NO_THROW(check_placement(placement(), make(false), "p"));
  Placement wrong = placement();
  wrong.nodes[1].slot = 7;
  try {
    check_placement(wrong, make(false), "placement.toml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.faults().size(), 2u);
    expect_has(error.what(), "node slot 1 of the plan has no node");
    expect_has(error.what(), "node slot 7 is not in the plan");
  }
  wrong.nodes[1].slot = 0;
  EXPECT_THROW(parse_placement(placement_text(wrong), "p"), Error);
  EXPECT_THROW(parse_placement("", "p"), Error);
}

TEST(ExitRecord, TextAndBackIsTheSame) {
  const ExitRecord record{.rank = 3,
                          .host = "n1",
                          .attempt_id = "x",
                          .code = 0,
                          .signal = 11,
                          .ended_by_agent = false,
                          .silent = true,
                          .peak_memory_bytes = 12345,
                          .cpu_s = 1.5,
                          .phase = "train",
                          .last_call = "train.dp all_reduce #12 grads",
                          .message = "a \"b\""};
  EXPECT_EQ(parse_exit_record(exit_record_json(record), "f"), record);
  EXPECT_THROW(parse_exit_record("{}", "f"), Error);
  EXPECT_THROW(parse_exit_record("[", "f"), Error);
}

TEST(ExitRecord, OneSentenceNamesRankHostPhaseAndCollective) {
  ExitRecord record{
      .rank = 3, .host = "n1", .signal = 11, .phase = "train", .last_call = "train.dp all_reduce #12 grads"};
  EXPECT_EQ(
      exit_sentence(record),
      "rank 3 on n1 was ended by signal 11 (SIGSEGV) in phase train, last collective train.dp all_reduce #12 grads");
  record.silent = true;
  expect_has(exit_sentence(record), "rank 3 on n1 fell silent in phase train");
}

}  // namespace
}  // namespace muster::spec
