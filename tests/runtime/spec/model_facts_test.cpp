#include "runtime/spec/model_facts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

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
    facts.rope_yarn = family == Family::deepseek_v3 || family == Family::qwen3;
    facts.rope_linear = family == Family::qwen2;
    if (facts.rope_yarn) facts.rope_mscale_all_dim = 0.5, facts.rope_beta_fast = 16;
    if (family == Family::qwen3) facts.rope_attention_factor = 1.25, facts.rope_truncate = false;
    if (family == Family::nemotron_h) facts.expert_latent_size = 8;
    if (facts.rope_linear) facts.rope_factor = 2;
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
    "rope_scaling":{"type":"yarn","factor":40,"original_max_position_embeddings":64,"mscale":0},
    "vocab_size":100,"max_position_embeddings":512})");
  const ModelFacts facts = read_model_facts(folder.path());
  EXPECT_EQ(facts.head_dim, 12);
  EXPECT_EQ(facts.q_lora_rank, 0);
  EXPECT_EQ(facts.shared_intermediate_size, 64);
  EXPECT_EQ(facts.num_dense_layers, 1);
  EXPECT_TRUE(facts.router_sigmoid);
  EXPECT_TRUE(facts.rope_yarn);
  EXPECT_EQ(facts.rope_mscale, 0);
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
  for (const char* key : {"layers_block_type", "layer_types"})
    for (const char* words : {R"(["mamba","moe","attention"])", R"(["linear_attention","moe","full_attention"])"}) {
      write_config(folder.path(), "{" + sizes + ",\"" + key + "\":" + words + "}");
      EXPECT_EQ(read_model_facts(folder.path()), published) << key << words;
    }
  write_config(folder.path(), "{" + sizes + R"(,"layer_types":["mamba","moe","attention"],"moe_latent_size":16,
    "time_step_limit":[0.0, Infinity]})");
  const ModelFacts latent = read_model_facts(folder.path());
  EXPECT_EQ(latent.expert_latent_size, 16);
  // Experts of 64 x 32 become ones of 16 x 32, and two projections of 64 x 16 join them.
  EXPECT_EQ(parameter_count(latent), parameter_count(published) - 8 * 2 * 48 * 32 + 2 * 64 * 16);
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
      R"({"model_type":"llama","hidden_size":"x","hidden_act":"gelu","rope_scaling":{"type":"longrope"},"mlp_bias":true})");
  for (const char* part : {"hidden_size", "vocab_size", "gelu", "longrope", "mlp_bias"})
    EXPECT_NE(bad.find(part), std::string::npos) << bad;
}

const std::string kSmallSizes =
    R"("hidden_size":64,"num_hidden_layers":2,"num_attention_heads":32,"intermediate_size":128,
    "vocab_size":100,"max_position_embeddings":512)";

ModelFacts facts_with(const std::string& more) {
  const tests::TemporaryFolder folder;
  write_config(folder.path(), "{" + kSmallSizes + "," + more + "}");
  return read_model_facts(folder.path());
}

// source: the configuration classes of transformers 5.24.
TEST(ModelFacts, AMissingKeyHasTheDefaultOfItsClass) {
  EXPECT_EQ(facts_with(R"("model_type":"qwen3")").head_dim, 128);
  EXPECT_EQ(facts_with(R"("model_type":"qwen2")").head_dim, 2);
  EXPECT_EQ(facts_with(R"("model_type":"qwen3")").num_kv_heads, 32);
  EXPECT_EQ(facts_with(R"("model_type":"llama","num_key_value_heads":null)").num_kv_heads, 32);
  const std::string moe = R"("num_experts_per_tok":2,"moe_intermediate_size":16,)";
  const ModelFacts qwen3_moe = facts_with(moe + R"("model_type":"qwen3_moe","num_experts":8)");
  EXPECT_EQ(qwen3_moe.num_kv_heads, 4);
  EXPECT_FALSE(qwen3_moe.normalize_expert_weights);
  const std::string mla = R"("kv_lora_rank":16,"qk_nope_head_dim":8,"qk_rope_head_dim":4,"v_head_dim":8,)";
  const ModelFacts deepseek = facts_with(moe + mla + R"("model_type":"deepseek_v3","n_routed_experts":8,
    "num_key_value_heads":32,"first_k_dense_replace":1)");
  EXPECT_EQ(deepseek.q_lora_rank, 1536);
  EXPECT_EQ(deepseek.num_expert_groups, 8);
  EXPECT_EQ(deepseek.top_expert_groups, 4);
  EXPECT_EQ(deepseek.expert_weights_scale, 2.5);
  EXPECT_EQ(deepseek.shared_intermediate_size, 16);
  EXPECT_TRUE(deepseek.normalize_expert_weights);
  const ModelFacts hybrid = facts_with(moe + R"("model_type":"nemotron_h","hybrid_override_pattern":"ME",
    "n_routed_experts":8,"mamba_num_heads":8,"mamba_head_dim":4,"ssm_state_size":16,"n_groups":2,"conv_kernel":4)");
  EXPECT_EQ(hybrid.head_dim, 128);
  EXPECT_EQ(hybrid.num_kv_heads, 8);
  EXPECT_EQ(hybrid.rms_norm_eps, 1e-5);
  EXPECT_EQ(hybrid.shared_intermediate_size, 7688);
  EXPECT_TRUE(hybrid.normalize_expert_weights);
}

TEST(ModelFacts, ReadsEveryScalingOfPositions) {
  const ModelFacts linear = facts_with(R"("model_type":"llama","rope_scaling":{"type":"linear","factor":4.0})");
  EXPECT_TRUE(linear.rope_linear);
  EXPECT_EQ(linear.rope_factor, 4);
  const ModelFacts yarn = facts_with(R"("model_type":"qwen3","rope_theta":1e6,"rope_parameters":{"rope_type":"yarn",
    "factor":4.0,"rope_theta":5e5,"attention_factor":1.5,"truncate":false,"beta_fast":24})");
  EXPECT_TRUE(yarn.rope_yarn);
  EXPECT_EQ(yarn.rope_theta, 5e5);
  EXPECT_EQ(yarn.rope_attention_factor, 1.5);
  EXPECT_FALSE(yarn.rope_truncate);
  EXPECT_EQ(yarn.rope_beta_fast, 24);
  EXPECT_EQ(yarn.rope_original_positions, 512) << "max_position_embeddings, where nothing says it";
  EXPECT_EQ(facts_with(R"("model_type":"qwen3","original_max_position_embeddings":64,
    "rope_scaling":{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":32})")
                .rope_original_positions,
            64);
  EXPECT_EQ(facts_with(R"("model_type":"llama","rope_scaling":{},"rope_parameters":{"rope_theta":7e5})").rope_theta,
            7e5);
}

TEST(ModelFacts, RefusesPositionsThatMusterDoesNotHaveByName) {
  const auto refused = [](const std::string& more) {
    return refusal("{" + kSmallSizes + ",\"model_type\":\"llama\"," + more + "}");
  };
  const auto expect = [&](const std::string& more, const char* part) {
    EXPECT_NE(refused(more).find(part), std::string::npos) << more << "\n" << refused(more);
  };
  expect(R"("rope_scaling":{"rope_type":"linear","factor":2},"rope_parameters":{"rope_theta":7e5})",
         "has both rope_scaling and rope_parameters");
  expect(R"("rope_scaling":{"rope_type":"dynamic","factor":2})", "rope_type is \"dynamic\"");
  expect(R"("rope_scaling":{"rope_type":"longrope","factor":2})", "rope_type is \"longrope\"");
  expect(R"("partial_rotary_factor":0.5)", "partial_rotary_factor is 0.5");
  expect(R"("rope_parameters":{"partial_rotary_factor":0.25,"rope_theta":1e4})", "partial_rotary_factor is 0.25");
  expect(R"("rope_parameters":{"full_attention":{"rope_theta":1e4}})", "the positions differ by kind of layer");
  expect(R"("rope_scaling":{"rope_type":"yarn","factor":2,"truncate":1})", "\"truncate\" is 1");
  expect(R"("rms_norm_eps":Infinity)", "\"rms_norm_eps\" is \"Infinity\"");
  EXPECT_EQ(refused(R"("partial_rotary_factor":1.0)"), "");
}

TEST(ModelFacts, RefusesSizesThatNoModelHas) {
  const auto refused = [](const std::string& key, const std::string& value) {
    std::string sizes = kSmallSizes;
    const std::size_t at = sizes.find("\"" + key + "\":") + key.size() + 3;
    sizes.replace(at, sizes.find_first_of(",\n", at) - at, value);
    return refusal("{" + sizes + R"(,"model_type":"llama","num_key_value_heads":32})");
  };
  EXPECT_NE(refused("num_hidden_layers", "1000000000")
                .find("num_hidden_layers is 1000000000; Muster has models of at most 10000"),
            std::string::npos);
  EXPECT_NE(refused("num_hidden_layers", "-1").find("must be a whole number from 1 to"), std::string::npos);
  EXPECT_NE(refused("num_hidden_layers", "99999999999999999999").find("num_hidden_layers"), std::string::npos);
  EXPECT_NE(refused("vocab_size", "999999999").find("vocab_size is 999999999"), std::string::npos);
  EXPECT_NE(refused("hidden_size", "999999999").find("hidden_size is 999999999"), std::string::npos);
  ModelFacts facts = small_facts(Family::qwen3_moe, false);
  facts.num_experts = 99'999;
  facts.num_layers = 9'999;
  ASSERT_FALSE(contradictions(facts).empty());
  EXPECT_EQ(contradictions(facts).front(), "9999 layers with 99999 experts have more than 2000000 tensors");
}

std::string path_refusal(const fs::path& folder) {
  try {
    read_model_facts(folder);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ModelFacts, WhatIsNoModelFolderIsNamed) {
  const tests::TemporaryFolder folder;
  EXPECT_NE(path_refusal(folder.path()).find("there is no config.json in this folder"), std::string::npos);
  EXPECT_NE(path_refusal("org/Some-model.1").find("looks like a Hugging Face hub id"), std::string::npos);
  EXPECT_NE(path_refusal(fs::current_path() / "org/name").find("hf download org/name --local-dir DIR"),
            std::string::npos);
  EXPECT_EQ(path_refusal("/nowhere/name").find("hub"), std::string::npos);
  write_config(folder.path(), "{}");
  EXPECT_NE(path_refusal(folder.path() / "config.json").find("no model folder but a file"), std::string::npos);
  fs::remove(folder.path() / "config.json");
  ASSERT_EQ(::mkfifo((folder.path() / "config.json").c_str(), 0600), 0);
  EXPECT_NE(path_refusal(folder.path()).find("is a pipe, not a file"), std::string::npos);
}

TEST(ModelFacts, WeightsInFp8ByBlocksAreReadAndOtherQuantisationsRefused) {
  const auto config = [](const std::string& quantization) {
    return "{" + kSmallSizes + R"(,"model_type":"qwen3","torch_dtype":"bfloat16","quantization_config":)" +
           quantization + "}";
  };
  const std::string published = R"({"quant_method":"fp8","fmt":"e4m3","weight_block_size":[128,128]})";
  const tests::TemporaryFolder folder;
  write_config(folder.path(), config(published));
  const ModelFacts facts = read_model_facts(folder.path());
  EXPECT_EQ(facts.stored_dtype, DataType::bf16);
  const std::string written = config_json(folder.path(), facts, DataType::bf16);
  EXPECT_EQ(written.find("quantization_config"), std::string::npos) << "what Muster writes is not quantised";
  for (const char* other : {R"({"quant_method":"awq"})", R"({"quant_method":"fp8"})", "7",
                            R"({"quant_method":"fp8","weight_block_size":[64,64]})"})
    EXPECT_NE(refusal(config(other)).find("the weights are quantised"), std::string::npos) << other;
}

TEST(ModelFacts, TheFamiliesAreNamedByWhatIsDoneWithThem) {
  EXPECT_NE(
      refusal(R"({"model_type":"gpt2"})")
          .find("Muster runs llama, qwen2, qwen3, qwen3_moe, deepseek_v3; nemotron_h it can only plan and inspect"),
      std::string::npos);
}

TEST(ModelFacts, LayersWithoutExpertsAreThoseOfAListAndAllButEveryNth) {
  const std::string moe = R"("model_type":"qwen3_moe","num_experts":8,"num_experts_per_tok":2,)"
                          R"("moe_intermediate_size":16,"hidden_size":32,"num_attention_heads":4,)"
                          R"("vocab_size":50,"max_position_embeddings":64,"num_hidden_layers":5,)";
  const auto read = [](const std::string& config) {
    const tests::TemporaryFolder folder;
    write_config(folder.path(), config);
    return read_model_facts(folder.path());
  };
  const auto facts = [&](const std::string& more) { return read("{" + moe + more + "}"); };
  EXPECT_TRUE(facts(R"("decoder_sparse_step":1)").dense_layers.empty());
  const ModelFacts second = facts(R"("decoder_sparse_step":2,"mlp_only_layers":[3],"intermediate_size":48)");
  EXPECT_EQ(second.dense_layers, (std::vector<std::int64_t>{0, 2, 3, 4}));
  EXPECT_EQ(layer_kind(second, 1).feed_forward, FeedForward::experts);
  EXPECT_EQ(layer_kind(second, 3).feed_forward, FeedForward::dense);
  EXPECT_EQ(read(config_json(second, DataType::bf16)), second);
  EXPECT_NE(refusal("{" + moe + R"("mlp_only_layers":[5],"intermediate_size":48})").find("mlp_only_layers is [5]"),
            std::string::npos);
  EXPECT_NE(refusal("{" + moe + R"("decoder_sparse_step":9,"intermediate_size":48})").find("no layer has experts"),
            std::string::npos);
}

TEST(ModelFacts, TheWrittenConfigIsTheReadOneButForTheType) {
  const tests::TemporaryFolder folder;
  const std::string config = "{\n  \"model_type\": \"llama\",\n  " + kSmallSizes +
                             ",\n  \"num_key_value_heads\": 4,\n  \"rms_norm_eps\": 1e-05, \"x\": [Infinity, 1E2],\n  "
                             "\"torch_dtype\": \"float16\"\n}\n";
  write_config(folder.path(), config);
  const ModelFacts facts = read_model_facts(folder.path());
  std::string expected = config;
  expected.replace(expected.find("float16"), 7, "bfloat16");
  EXPECT_EQ(config_json(folder.path(), facts, DataType::bf16), expected);
  ModelFacts other = facts;
  other.num_layers = 3;
  EXPECT_EQ(config_json(folder.path(), other, DataType::bf16), config_json(other, DataType::bf16));
  EXPECT_EQ(config_json(fs::path(), facts, DataType::bf16), config_json(facts, DataType::bf16));
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
  for (void (*change)(ModelFacts&) : std::initializer_list<void (*)(ModelFacts&)>{
           [](ModelFacts& f) { f.shared_intermediate_size = 8; }, [](ModelFacts& f) { f.router_sigmoid = true; },
           [](ModelFacts& f) { f.expert_weights_scale = 2; }})
    EXPECT_NE(first(Family::qwen3_moe, change).find("qwen3_moe has no shared experts"), std::string::npos);
  EXPECT_EQ(first(Family::qwen3, [](ModelFacts& f) { f.dense_layers = {0}; }), "qwen3 with dense_layers");
  EXPECT_EQ(first(Family::deepseek_v3, [](ModelFacts& f) { f.num_expert_groups = 3; }),
            "8 experts in 3 groups, of which 2 are looked at");
  EXPECT_EQ(first(Family::deepseek_v3, [](ModelFacts& f) { f.experts_per_token = 5; }),
            "5 experts see a token, but 2 groups of 2 have fewer");
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
