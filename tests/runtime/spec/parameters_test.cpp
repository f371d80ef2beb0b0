#include "runtime/spec/parameters.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/spec/memory.h"
#include "tests/support/temporary_folder.h"

namespace muster::spec {
namespace {
namespace fs = std::filesystem;

const fs::path kTemplates = fs::path(MUSTER_SOURCE_DIR) / "templates";

ModelFacts small(Family family, bool tied) {
  return {.family = family,
          .hidden_size = 24,
          .num_layers = 5,
          .num_heads = 12,
          .num_kv_heads = 4,
          .head_dim = 6,
          .intermediate_size = 48,
          .vocab_size = 96,
          .max_position_embeddings = 64,
          .tied_embeddings = tied,
          .attention_bias = family == Family::qwen2,
          .qk_norm = family == Family::qwen3};
}

TEST(Parameters, CountsEqualThePublishedOnesForEveryTemplate) {
  std::size_t models = 0;
  for (const auto& entry : fs::directory_iterator(kTemplates / "models")) {
    if (entry.path().extension() != ".toml") continue;
    const ModelFacts facts =
        named_model_facts(entry.path().stem().string(), kTemplates);  // checks the published count itself
    EXPECT_GT(parameter_count(facts), 0);
    ++models;
  }
  EXPECT_GE(models, 14u);
  EXPECT_EQ(parameter_count(named_model_facts("smollm2-135m", kTemplates)), 134515008);
  EXPECT_EQ(parameter_count(named_model_facts("qwen2.5-7b", kTemplates)), 7615616512);
  EXPECT_EQ(parameter_count(named_model_facts("qwen3-0.6b", kTemplates)), 596049920);
}

/// How often each element of `parameter` is held by the ranks of one replica; -1 where ranks differ within the
/// parameter.
std::vector<int> times_held(const ModelFacts& facts, const Parameter& parameter, const Degrees& degrees) {
  std::vector<int> held(static_cast<std::size_t>(parameter.numel()), 0);
  for (std::int64_t rank = 0; rank < degrees.ranks(); ++rank) {
    const Box box = box_of(facts, parameter, degrees, place_of(degrees, rank));
    const std::int64_t columns = parameter.shape.size() > 1 ? parameter.shape[1] : 1;
    const Range across = parameter.shape.size() > 1 ? box.ranges[1] : Range{0, 1};
    for (std::int64_t row = box.ranges[0].begin; row < box.ranges[0].end; ++row) {
      for (std::int64_t column = across.begin; column < across.end; ++column)
        ++held[static_cast<std::size_t>(row * columns + column)];
    }
  }
  return held;
}

TEST(Parameters, EachElementIsHeldByEachReplicaTheSameNumberOfTimes) {
  for (const Family family : {Family::llama, Family::qwen2, Family::qwen3}) {
    for (const bool tied : {false, true}) {
      const ModelFacts facts = small(family, tied);
      for (const std::int64_t tp : {1, 2, 4, 12}) {
        for (const std::int64_t pp : {1, 2, 5}) {
          const Degrees degrees{.tp = tp, .pp = pp};
          for (const Parameter& parameter : parameters_of(facts)) {
            int expected = 1;
            if (parameter.cut == Cut::replicated) expected = static_cast<int>(tp);
            if (parameter.cut == Cut::kv_heads && tp > 4) expected = static_cast<int>(tp / 4);
            if (tied && pp > 1 && parameter.name == "model.embed_tokens.weight")
              expected = 2;  // also the head of the last stage
            const auto held = times_held(facts, parameter, degrees);
            EXPECT_EQ(held, std::vector<int>(held.size(), expected)) << parameter.name << " tp " << tp << " pp " << pp;
          }
        }
      }
    }
  }
}

TEST(Parameters, QueryHeadsMeetTheirOwnKeyHeads) {
  const ModelFacts facts = small(Family::llama, true);
  for (const std::int64_t tp : {1, 2, 4, 12}) {
    for (std::int64_t index = 0; index < tp; ++index) {
      const Range query = query_heads_of(facts, tp, index);
      const Range key = kv_heads_of(facts, tp, index);
      for (std::int64_t head = query.begin; head < query.end; ++head) {
        EXPECT_GE(head / 3, key.begin);
        EXPECT_LT(head / 3, key.end);
      }
    }
  }
}

TEST(Parameters, FusedNeighboursStandNextToEachOther) {
  const auto list = parameters_of(small(Family::qwen2, false));
  const auto index_of = [&](const std::string& name) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].name == name) return static_cast<int>(i);
    }
    return -1000;
  };
  const int q = index_of("model.layers.1.self_attn.q_proj.weight");
  EXPECT_EQ(index_of("model.layers.1.self_attn.k_proj.weight"), q + 1);
  EXPECT_EQ(index_of("model.layers.1.self_attn.v_proj.weight"), q + 2);
  EXPECT_EQ(index_of("model.layers.1.self_attn.q_proj.bias"), q + 3);
  EXPECT_EQ(index_of("model.layers.1.mlp.up_proj.weight"), index_of("model.layers.1.mlp.gate_proj.weight") + 1);
  EXPECT_EQ(list.back().name, "lm_head.weight");
}

TEST(Parameters, BoxesMeetWhereBothHoldSomething) {
  const Box a{{{0, 4}, {2, 6}}}, b{{{3, 8}, {0, 3}}}, c{{{4, 8}, {0, 9}}};
  EXPECT_EQ(intersection(a, b), (Box{{{3, 4}, {2, 3}}}));
  EXPECT_EQ(intersection(a, b).numel(), 1);
  EXPECT_EQ(intersection(a, c).numel(), 0);
}

TEST(Parameters, TrainingFlopsEqualThePublishedFormula) {
  const ModelFacts facts = named_model_facts("llama-3.1-8b", kTemplates);
  EXPECT_NEAR(training_flops(facts, 1024) / 1024 / 1e9, 45.8, 0.1);  // GFLOP a token
  EXPECT_NEAR(training_flops(facts, 32768) / 32768 / 1e9, 70.8, 0.1);
}

void write_config(const fs::path& folder, const std::string& config) {
  std::ofstream(folder / "config.json") << config;
}

TEST(ModelFacts, ReadsThePublishedSpelling) {
  const tests::TemporaryFolder folder;
  write_config(
      folder.path(),
      R"({"model_type":"llama","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,
    "intermediate_size":128,"vocab_size":100,"max_position_embeddings":512,"rms_norm_eps":1e-05,"rope_theta":500000.0,"tie_word_embeddings":true,
    "rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":256},
    "torch_dtype":"bfloat16","eos_token_id":7,"bos_token_id":1,"head_dim":null})");
  std::ofstream(folder.path() / "generation_config.json") << R"({"eos_token_id":[7,9]})";
  const ModelFacts facts = read_model_facts(folder.path());
  EXPECT_EQ(facts.head_dim, 16);
  EXPECT_TRUE(facts.rope_llama3);
  EXPECT_EQ(facts.rope_factor, 8);
  EXPECT_EQ(facts.rope_original_positions, 256);
  EXPECT_EQ(facts.rope_theta, 500000);
  EXPECT_EQ(facts.end_tokens, (std::vector<std::int64_t>{7, 9}));
  EXPECT_EQ(facts.bos_token, 1);
  EXPECT_TRUE(facts.tied_embeddings);
}

TEST(ModelFacts, ReadsTheNewestSpelling) {
  const tests::TemporaryFolder folder;
  write_config(
      folder.path(),
      R"({"model_type":"qwen3","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":32,
    "intermediate_size":128,"vocab_size":100,"max_position_embeddings":512,"rope_parameters":{"rope_theta":1000000,"rope_type":"default"},"dtype":"float32"})");
  const ModelFacts facts = read_model_facts(folder.path());
  EXPECT_EQ(facts.family, Family::qwen3);
  EXPECT_TRUE(facts.qk_norm);
  EXPECT_EQ(facts.head_dim, 32);
  EXPECT_EQ(facts.rope_theta, 1000000);
  EXPECT_EQ(facts.stored_dtype, DataType::fp32);
}

TEST(ModelFacts, ConfigOfTheFactsReadsBackEqual) {
  for (ModelFacts facts : {small(Family::llama, true), small(Family::qwen2, false), small(Family::qwen3, true)}) {
    facts.end_tokens = {3, 5};
    facts.bos_token = 2;
    facts.rope_llama3 = facts.family == Family::llama;
    if (facts.rope_llama3) facts.rope_factor = 32, facts.rope_original_positions = 16;
    const tests::TemporaryFolder folder;
    write_config(folder.path(), config_json(facts, DataType::bf16));
    EXPECT_EQ(read_model_facts(folder.path()), facts);
  }
}

std::string refusal(const std::string& config) {
  const tests::TemporaryFolder folder;
  write_config(folder.path(), config);
  try {
    read_model_facts(folder.path());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ModelFacts, RefusesWhatMusterDoesNotHaveByName) {
  EXPECT_NE(refusal(R"({"model_type":"mamba2"})").find("the architecture is \"mamba2\""), std::string::npos);
  EXPECT_NE(refusal("{}").find("no \"model_type\""), std::string::npos);
  EXPECT_NE(refusal("[1]").find("not a JSON object"), std::string::npos);
  EXPECT_NE(refusal("{").find("not JSON"), std::string::npos);
  const std::string bad = refusal(
      R"({"model_type":"llama","hidden_size":"x","hidden_act":"gelu","rope_scaling":{"type":"yarn"},"mlp_bias":true})");
  for (const char* part : {"hidden_size", "vocab_size", "gelu", "yarn", "mlp_bias"})
    EXPECT_NE(bad.find(part), std::string::npos) << bad;
}

TEST(ModelFacts, SuggestsTheNearestTemplate) {
  try {
    named_model_facts("qwen3-8", kTemplates);
    FAIL() << "must throw";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"qwen3-8b\""), std::string::npos);
  }
}

TEST(Memory, FollowsTheLayout) {
  Job job;
  job.model.dtype = DataType::bf16;
  job.train.tp = 2;
  job.train.dp = 2;
  job.gen.tp = 1;
  job.gen.dp = 4;
  const ModelFacts facts = named_model_facts("smollm2-135m", kTemplates);
  // tp = 2 does not divide 9 heads; the figures of a legal layout:
  job.train.tp = 3;
  const MemoryFigures train = predicted_memory(facts, job, true, false);
  const std::int64_t local = local_elements(facts, {.tp = 3}, {});
  EXPECT_EQ(train.of(MemoryOwner::weights), local * 2);
  EXPECT_EQ(train.of(MemoryOwner::main_weights), local / 2 * 4);
  EXPECT_EQ(train.of(MemoryOwner::moments), local / 2 * 8);
  EXPECT_EQ(train.of(MemoryOwner::gradients), local * 4 + local / 2 * 4);
  EXPECT_EQ(train.of(MemoryOwner::gen_weights), 0);
  const MemoryFigures gen = predicted_memory(facts, job, false, true);
  EXPECT_EQ(gen.of(MemoryOwner::gen_weights), 134515008 * 2);
  EXPECT_EQ(kv_page_bytes(facts, job), 2 * 16 * 3 * 64 * 30 * 2);
  EXPECT_EQ(planned_kv_pages(facts, job), 128 * 256);
  job.gen.kv_gb = 1;
  EXPECT_EQ(planned_kv_pages(facts, job), 1'000'000'000 / kv_page_bytes(facts, job));
}

TEST(Memory, AGeneratorThatReadsTheTrainersBytesHoldsNoneOfItsOwn) {
  const ModelFacts facts = named_model_facts("smollm2-135m", kTemplates);
  Job job;
  EXPECT_EQ(predicted_memory(facts, job, true, true).of(MemoryOwner::gen_weights), 0);
  job.refit.alias = false;
  EXPECT_EQ(predicted_memory(facts, job, true, true).of(MemoryOwner::gen_weights), 134515008 * 2);
  EXPECT_EQ(predicted_memory(facts, job, true, true).of(MemoryOwner::reference_weights), 0);
  job.loss.kl_weight = 0.1;
  EXPECT_EQ(predicted_memory(facts, job, true, true).of(MemoryOwner::reference_weights), 134515008 * 2);
}

}  // namespace
}  // namespace muster::spec
