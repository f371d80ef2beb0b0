#include "runtime/spec/model_facts.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/spec/facts_schema.h"
#include "runtime/spec/parameters.h"
#include "tests/support/small_facts.h"
#include "tests/support/temporary_folder.h"

namespace muster::spec {
namespace {
namespace fs = std::filesystem;
using tests::small_facts;

const fs::path kTemplates = fs::path(MUSTER_SOURCE_DIR) / "templates";
constexpr std::array kFamilies{Family::llama,     Family::qwen2,       Family::qwen3,
                               Family::qwen3_moe, Family::deepseek_v3, Family::nemotron_h};

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
  for (const Family family : kFamilies) {
    ModelFacts facts = small_facts(family, family == Family::llama);
    facts.end_tokens = {3, 5};
    facts.bos_token = 2;
    facts.rope_llama3 = family == Family::llama;
    facts.rope_yarn = family == Family::deepseek_v3;
    if (facts.rope_yarn) facts.rope_mscale_all_dim = 0.5, facts.rope_beta_fast = 16;
    if (facts.rope_llama3 || facts.rope_yarn) facts.rope_factor = 32, facts.rope_original_positions = 16;
    const tests::TemporaryFolder folder;
    write_config(folder.path(), config_json(facts, DataType::bf16));
    EXPECT_EQ(read_model_facts(folder.path()), facts) << choice_name(family);
  }
}

TEST(ModelFacts, ReadsExpertsAndLatentAttention) {
  const tests::TemporaryFolder folder;
  write_config(folder.path(), R"({"model_type":"deepseek_v3","hidden_size":64,"num_hidden_layers":4,
    "num_attention_heads":4,"num_key_value_heads":4,"q_lora_rank":null,"kv_lora_rank":16,"qk_nope_head_dim":8,
    "qk_rope_head_dim":4,"v_head_dim":8,"intermediate_size":128,"moe_intermediate_size":32,"n_routed_experts":8,
    "n_shared_experts":2,"num_experts_per_tok":2,"n_group":2,"topk_group":1,"first_k_dense_replace":1,
    "routed_scaling_factor":2.5,"scoring_func":"sigmoid","norm_topk_prob":true,"num_nextn_predict_layers":1,
    "rope_scaling":{"type":"yarn","factor":40,"original_max_position_embeddings":64,"mscale":1.0},
    "vocab_size":100,"max_position_embeddings":512})");
  const ModelFacts facts = read_model_facts(folder.path());
  EXPECT_EQ(facts.head_dim, 12);
  EXPECT_EQ(facts.q_lora_rank, 0);
  EXPECT_EQ(facts.shared_intermediate_size, 64);
  EXPECT_EQ(facts.num_dense_layers, 1);
  EXPECT_TRUE(facts.router_sigmoid);
  EXPECT_TRUE(facts.rope_yarn);
  EXPECT_EQ(layer_kind(facts, 0), (LayerKind{Mixer::latent_attention, FeedForward::dense}));
  EXPECT_EQ(layer_kind(facts, 1), (LayerKind{Mixer::latent_attention, FeedForward::experts}));
}

TEST(ModelFacts, ReadsAHybridInBothSpellings) {
  const std::string sizes = R"("model_type":"nemotron_h","hidden_size":64,"num_attention_heads":4,
    "num_key_value_heads":2,"head_dim":16,"intermediate_size":999,"mamba_num_heads":8,"mamba_head_dim":4,
    "ssm_state_size":16,"n_groups":2,"conv_kernel":4,"n_routed_experts":8,"num_experts_per_tok":2,
    "moe_intermediate_size":32,"moe_shared_expert_intermediate_size":48,"vocab_size":100,
    "max_position_embeddings":512,"layer_norm_epsilon":1e-5)";
  const tests::TemporaryFolder folder;
  write_config(folder.path(), "{" + sizes + R"(,"num_hidden_layers":3,"hybrid_override_pattern":"ME*"})");
  const ModelFacts published = read_model_facts(folder.path());
  EXPECT_EQ(published.layer_pattern, "ME*");
  EXPECT_EQ(published.intermediate_size, 0) << "no layer has a dense block";
  EXPECT_EQ(published.rms_norm_eps, 1e-5);
  write_config(folder.path(), "{" + sizes + R"(,"layers_block_type":["mamba","moe","attention"]})");
  EXPECT_EQ(read_model_facts(folder.path()), published);
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
  EXPECT_NE(refusal("{").find("no JSON"), std::string::npos);
  const std::string bad = refusal(
      R"({"model_type":"llama","hidden_size":"x","hidden_act":"gelu","rope_scaling":{"type":"yarn"},"mlp_bias":true})");
  for (const char* part : {"hidden_size", "vocab_size", "gelu", "yarn", "mlp_bias"})
    EXPECT_NE(bad.find(part), std::string::npos) << bad;
}

TEST(ModelFacts, RefusesSizesThatContradictEachOther) {
  for (const Family family : kFamilies) EXPECT_TRUE(contradictions(small_facts(family, false)).empty());
  const auto first = [](Family family, auto spoil) {
    ModelFacts facts = small_facts(family, false);
    spoil(facts);
    const std::vector<std::string> found = contradictions(facts);
    return found.empty() ? std::string() : found.front();
  };
  EXPECT_EQ(first(Family::llama, [](ModelFacts& f) { f.num_kv_heads = 5; }),
            "12 query heads are no multiple of 5 key/value heads");
  EXPECT_EQ(first(Family::llama, [](ModelFacts& f) { f.num_experts = 8; }), "llama with 8 experts");
  EXPECT_EQ(first(Family::qwen3_moe, [](ModelFacts& f) { f.num_experts = 0; }), "qwen3_moe without experts");
  EXPECT_EQ(first(Family::deepseek_v3, [](ModelFacts& f) { f.num_expert_groups = 3; }),
            "8 experts in 3 groups, of which 2 are looked at");
  EXPECT_EQ(first(Family::deepseek_v3, [](ModelFacts& f) { f.v_head_dim = 0; }),
            "not every size of the model is there");
  EXPECT_EQ(first(Family::nemotron_h, [](ModelFacts& f) { f.layer_pattern = "ME*"; }),
            "5 layers, but the pattern \"ME*\" has 3");
  EXPECT_EQ(first(Family::nemotron_h, [](ModelFacts& f) { f.layer_pattern = "ME*-x"; }),
            "the layer pattern \"ME*-x\" holds other letters than M, *, E and -");
}

TEST(ModelFacts, EveryTemplateStatesThePublishedCountAndHasIt) {
  std::size_t models = 0;
  for (const auto& entry : fs::directory_iterator(kTemplates / "models")) {
    if (entry.path().extension() != ".toml") continue;
    const std::string file = base::read_file(entry.path());
    const std::size_t at = file.find("\nparameters = ");
    ASSERT_NE(at, std::string::npos) << entry.path();
    const ModelFacts facts = named_model_facts(entry.path().stem().string(), kTemplates);
    EXPECT_EQ(parameter_count(facts), std::stoll(file.substr(at + 14))) << entry.path();
    ++models;
  }
  EXPECT_EQ(models, 18u);
  EXPECT_EQ(parameter_count(named_model_facts("llama-3.1-70b", kTemplates)), 70553706496);
  EXPECT_EQ(parameter_count(named_model_facts("qwen3-235b-a22b", kTemplates)), 235093634560);
  EXPECT_EQ(parameter_count(named_model_facts("deepseek-v3", kTemplates)), 671026419200);
  EXPECT_EQ(parameter_count(named_model_facts("nemotron-3-nano-30b-a3b", kTemplates)), 31577940288);
}

TEST(ModelFacts, SuggestsTheNearestTemplate) {
  try {
    named_model_facts("qwen3-8", kTemplates);
    FAIL() << "must throw";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"qwen3-8b\""), std::string::npos);
  }
}

}  // namespace
}  // namespace muster::spec
