// ModelFacts from a config.json.
#include "runtime/spec/model_config.h"

#include <algorithm>

#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/config_reader.h"
#include "runtime/spec/facts_schema.h"
#include "runtime/spec/model_path.h"

namespace muster::spec {
namespace fs = std::filesystem;
using base::text;
using nlohmann::json;

namespace {

constexpr std::int64_t kMostLayersListed = 100'000;

/// Every family by what Muster does with it: true of every verb.
std::string known_families() {
  std::vector<std::string> run, planned;
  const std::vector<std::string> names = choice_names<Family>();
  for (std::size_t i = 0; i < names.size(); ++i) (runs(static_cast<Family>(i)) ? run : planned).push_back(names[i]);
  return text("Muster runs ", base::join(run, ", "), "; ", base::join(planned, ", "), " it can only plan and inspect");
}

json parse_object(const fs::path& path) {
  json object = base::parse_json(base::with_quoted_non_finite(base::read_regular_file(path)), path.string(),
                                 "fetch the model folder anew");
  if (object.is_object()) return object;
  throw Error::user({.what = "not a JSON object", .where = path.string(), .fix = "fetch the model folder anew"});
}

void read_family(ConfigReader& reader, ModelFacts& facts) {
  const std::string kind = reader.word(reader.config(), "model_type");
  const std::vector<std::string> names = choice_names<Family>();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == kind) facts.family = static_cast<Family>(i);
  }
  if (kind.empty()) {
    reader.fault("has no \"model_type\"", known_families());
  } else if (kind != choice_name(facts.family)) {
    reader.fault(text("the architecture is \"", kind, "\", which Muster does not have"), known_families());
  }
  reader.family(facts.family);
  facts.qk_norm = facts.family == Family::qwen3 || facts.family == Family::qwen3_moe;
  facts.attention_bias = facts.family == Family::qwen2;
}

/// Key/value heads where the key is missing. source: the configuration classes of transformers 5.24.
std::int64_t default_kv_heads(const ModelFacts& facts) {
  switch (facts.family) {
    case Family::qwen2:
    case Family::qwen3:
      return 32;
    case Family::qwen3_moe:
      return 4;
    case Family::nemotron_h:
      return 8;
    case Family::deepseek_v3:
      return 128;
    case Family::llama:
      break;
  }
  return facts.num_heads;
}

void read_heads(ConfigReader& reader, ModelFacts& facts) {
  reader.count("num_attention_heads", facts.num_heads);
  facts.num_kv_heads = reader.config().contains("num_key_value_heads") ? facts.num_heads : default_kv_heads(facts);
  reader.count("num_key_value_heads", facts.num_kv_heads, false);
  if (facts.family == Family::deepseek_v3) return;  // the width is the sum of two keys, read with its kind
  const bool has_own_width = facts.family == Family::qwen3 || facts.family == Family::nemotron_h;
  facts.head_dim = has_own_width ? 128 : facts.num_heads > 0 ? facts.hidden_size / facts.num_heads : 0;
  reader.count("head_dim", facts.head_dim, false);
}

void read_sizes(ConfigReader& reader, ModelFacts& facts) {
  reader.count("hidden_size", facts.hidden_size);
  reader.count("num_hidden_layers", facts.num_layers, facts.layer_pattern.empty());
  read_heads(reader, facts);
  reader.count("vocab_size", facts.vocab_size);
  reader.count("max_position_embeddings", facts.max_position_embeddings);
}

/// How experts are chosen, the same words in all families that have them.
void read_experts(ConfigReader& reader, ModelFacts& facts) {
  reader.count(reader.any_of({"n_routed_experts", "num_experts", "num_local_experts"}), facts.num_experts);
  reader.count("num_experts_per_tok", facts.experts_per_token);
  reader.count("moe_intermediate_size", facts.expert_intermediate_size);
  // source: the configuration classes of transformers 5.24, for keys that are missing.
  facts.normalize_expert_weights = facts.family != Family::qwen3_moe;
  if (facts.family == Family::deepseek_v3) {
    facts.num_expert_groups = 8;
    facts.top_expert_groups = 4;
    facts.expert_weights_scale = 2.5;
  }
  reader.flag("norm_topk_prob", facts.normalize_expert_weights);
  if (facts.family == Family::qwen3_moe) return;
  reader.count("n_group", facts.num_expert_groups, false);
  reader.count("topk_group", facts.top_expert_groups, false);
  reader.number(reader.config(), "routed_scaling_factor", facts.expert_weights_scale, false);
  facts.router_sigmoid = true;
}

/// Layers without experts: those of a list, and all but every n-th.
void read_dense_layers(ConfigReader& reader, ModelFacts& facts) {
  std::int64_t step = 1, num_layers = 0;
  reader.count("decoder_sparse_step", step, false);
  reader.count("num_hidden_layers", num_layers);
  if (num_layers > kMostLayersListed) return;  // refused with all other sizes
  const json listed = reader.has("mlp_only_layers") ? reader.config()["mlp_only_layers"] : json::array();
  const bool is_list = listed.is_array() && std::all_of(listed.begin(), listed.end(), [&](const json& layer) {
                         return layer.is_number_integer() && layer >= 0 && layer < num_layers;
                       });
  if (!is_list)
    return reader.fault(text("mlp_only_layers is ", listed.dump()), text("a list of layers below ", num_layers));
  for (std::int64_t layer = 0; layer < num_layers; ++layer)
    if ((layer + 1) % step != 0 || std::find(listed.begin(), listed.end(), layer) != listed.end())
      facts.dense_layers.push_back(layer);
  if (std::ssize(facts.dense_layers) == num_layers)
    reader.fault("no layer has experts (decoder_sparse_step, mlp_only_layers)", "such a model is a Qwen3");
}

void read_qwen3_moe(ConfigReader& reader, ModelFacts& facts) {
  read_experts(reader, facts);
  read_dense_layers(reader, facts);
  if (!facts.dense_layers.empty()) reader.count("intermediate_size", facts.intermediate_size);
}

void read_deepseek_v3(ConfigReader& reader, ModelFacts& facts) {
  read_experts(reader, facts);
  // null: queries are projected at once; missing: the default of transformers 5.24.
  facts.q_lora_rank = reader.config().contains("q_lora_rank") ? 0 : 1536;
  reader.count("q_lora_rank", facts.q_lora_rank, false);
  reader.count("kv_lora_rank", facts.kv_lora_rank);
  reader.count("qk_nope_head_dim", facts.qk_nope_head_dim);
  reader.count("qk_rope_head_dim", facts.qk_rope_head_dim);
  reader.count("v_head_dim", facts.v_head_dim);
  facts.head_dim = facts.qk_nope_head_dim + facts.qk_rope_head_dim;
  std::int64_t shared = 1;
  reader.count("n_shared_experts", shared, false, 0);
  facts.shared_intermediate_size = shared * facts.expert_intermediate_size;
  reader.count("first_k_dense_replace", facts.num_dense_layers, true, 0);
  if (facts.num_dense_layers > 0) reader.count("intermediate_size", facts.intermediate_size);
  reader.must_be("scoring_func", "sigmoid");
  reader.must_be("topk_method", "noaux_tc");
  reader.must_be("moe_layer_freq", 1);
  reader.must_be("rope_interleave", true);
}

/// One letter a layer, or in the newest spelling a list of words.
void read_pattern(ConfigReader& reader, ModelFacts& facts) {
  facts.layer_pattern = reader.word(reader.config(), "hybrid_override_pattern");
  if (!facts.layer_pattern.empty()) return;
  const char* key = reader.any_of({"layers_block_type", "layer_types"});
  if (!reader.has(key) || !reader.config()[key].is_array())
    return reader.fault("has no \"hybrid_override_pattern\"", "a config.json of this kind names it");
  for (const json& word : reader.config()[key]) {
    const bool is_mamba = word == "mamba" || word == "linear_attention";  // the words of transformers 5.24 come second
    const bool is_attention = word == "attention" || word == "full_attention";
    facts.layer_pattern += is_mamba ? 'M' : is_attention ? '*' : word == "moe" ? 'E' : '-';
    if (facts.layer_pattern.back() == '-' && word != "mlp")
      return reader.fault(text(key, " names ", word.dump()),
                          "known: mamba or linear_attention, attention or full_attention, moe, mlp");
  }
  facts.num_layers = std::ssize(facts.layer_pattern);
}

void read_nemotron_h(ConfigReader& reader, ModelFacts& facts) {
  read_pattern(reader, facts);
  if (facts.layer_pattern.find('E') != std::string::npos) {
    read_experts(reader, facts);
    facts.shared_intermediate_size = 7688;  // where the key is missing, as transformers 5.24
    reader.count("moe_shared_expert_intermediate_size", facts.shared_intermediate_size, false, 0);
    reader.count("moe_latent_size", facts.expert_latent_size, false);
  }
  if (facts.layer_pattern.find('-') != std::string::npos) reader.count("intermediate_size", facts.intermediate_size);
  reader.count("mamba_num_heads", facts.mamba_num_heads);
  reader.count("mamba_head_dim", facts.mamba_head_dim);
  reader.count("ssm_state_size", facts.mamba_state_size);
  reader.count("n_groups", facts.mamba_num_groups);
  reader.count("conv_kernel", facts.mamba_conv_kernel);
  reader.must_be("mlp_hidden_act", "relu2");
  reader.must_be("mamba_hidden_act", "silu");
  reader.must_be("use_bias", false);
  reader.must_be("use_conv_bias", true);
  reader.must_be("mamba_proj_bias", false);
}

void read_kind(ConfigReader& reader, ModelFacts& facts) {
  if (facts.family == Family::qwen3_moe) return read_qwen3_moe(reader, facts);
  if (facts.family == Family::deepseek_v3) return read_deepseek_v3(reader, facts);
  if (facts.family == Family::nemotron_h) return read_nemotron_h(reader, facts);
  reader.count("intermediate_size", facts.intermediate_size);
}

/// FP8 in blocks, as DeepSeek-V3 is published: read and dequantised (weights/quantized_blocks.h). Nothing else is.
void check_quantization(ConfigReader& reader) {
  if (!reader.has("quantization_config")) return;
  const json& config = reader.config()["quantization_config"];
  const auto is = [&](const char* key, const json& wanted) {
    return config.is_object() && config.value(key, json()) == wanted;
  };
  if (is("quant_method", "fp8") && is("weight_block_size", json::array({128, 128}))) return;
  reader.fault("the weights are quantised (quantization_config)",
               "use a folder in bf16 or fp32, or in fp8 with a weight_block_size of [128, 128]");
}

void check_variant(ConfigReader& reader, const ModelFacts& facts) {
  reader.must_be("hidden_act", "silu");
  reader.must_be("mlp_bias", false);
  if (facts.family != Family::qwen2) reader.must_be("attention_bias", false);
  reader.must_be("use_sliding_window", false);
  if (facts.family != Family::nemotron_h && reader.has("layer_types") && reader.config()["layer_types"].is_array()) {
    for (const json& kind : reader.config()["layer_types"]) {
      if (kind != "full_attention")
        return reader.fault(text("layer_types names ", kind.dump()), "Muster has full attention only");
    }
  }
  check_quantization(reader);
}

std::vector<std::int64_t> tokens_of(const json& config, const char* key) {
  std::vector<std::int64_t> tokens;
  if (!config.contains(key)) return tokens;
  const json& given = config[key];
  if (given.is_number_integer()) tokens.push_back(given.get<std::int64_t>());
  if (given.is_array()) {
    for (const json& token : given) {
      if (token.is_number_integer()) tokens.push_back(token.get<std::int64_t>());
    }
  }
  return tokens;
}

void read_dtype(ConfigReader& reader, ModelFacts& facts) {
  std::string dtype = reader.word(reader.config(), "dtype");
  if (dtype.empty()) dtype = reader.word(reader.config(), "torch_dtype");
  if (dtype == "float32") {
    facts.stored_dtype = DataType::fp32;
  } else if (!dtype.empty() && dtype != "bfloat16" && dtype != "float16") {
    reader.fault(text("dtype is \"", dtype, "\""), "Muster reads float32, bfloat16 and float16");
  }
}

}  // namespace

ModelFacts facts_of_config(const json& config, const json& generation, const fs::path& path) {
  ConfigReader reader(config, path);
  ModelFacts facts;
  read_family(reader, facts);
  reader.throw_if_any();  // of another kind nothing else can be said
  read_kind(reader, facts);
  read_sizes(reader, facts);
  read_rope(reader, facts);
  const bool is_hybrid = facts.family == Family::nemotron_h;
  if (is_hybrid) facts.rms_norm_eps = 1e-5;
  reader.number(config, is_hybrid ? "layer_norm_epsilon" : "rms_norm_eps", facts.rms_norm_eps, false);
  reader.flag("tie_word_embeddings", facts.tied_embeddings);
  check_variant(reader, facts);
  read_dtype(reader, facts);
  facts.end_tokens = tokens_of(generation, "eos_token_id");
  if (facts.end_tokens.empty()) facts.end_tokens = tokens_of(config, "eos_token_id");
  const auto first_of = [&](const char* key) {
    const std::vector<std::int64_t> tokens = tokens_of(config, key);
    return tokens.empty() ? std::int64_t{-1} : tokens.front();
  };
  facts.bos_token = first_of("bos_token_id");
  facts.pad_token = first_of("pad_token_id");
  reader.throw_if_any();
  for (const std::string& sentence : contradictions(facts)) reader.fault(sentence, "");
  reader.throw_if_any();
  return facts;
}

ModelFacts read_model_facts(const fs::path& folder) {
  if (const std::optional<base::Fault> fault = model_folder_fault(folder)) throw Error::user(*fault);
  const fs::path path = folder / "config.json", generation = folder / "generation_config.json";
  return facts_of_config(parse_object(path), base::is_there(generation) ? parse_object(generation) : json::object(),
                         path);
}

std::string config_json(const fs::path& origin, const ModelFacts& facts, DataType stored) {
  const fs::path path = origin / "config.json";
  if (origin.empty() || !base::is_there(path) || !(read_model_facts(origin) == facts))
    return config_json(facts, stored);
  std::string config = base::read_regular_file(path);
  const json read = parse_object(path);
  if (read.contains("quantization_config")) {  // what is written is not
    auto whole = nlohmann::ordered_json::parse(base::with_quoted_non_finite(config));
    whole.erase("quantization_config");
    config = whole.dump(2) + "\n";
  }
  const std::string type = text('"', stored == DataType::fp32 ? "float32" : "bfloat16", '"');
  bool has_type = false;
  for (const char* key : {"dtype", "torch_dtype"})
    if (read.contains(key)) config = base::with_member(config, key, type), has_type = true;
  return has_type ? config : base::with_member(config, "torch_dtype", type);
}

}  // namespace muster::spec
