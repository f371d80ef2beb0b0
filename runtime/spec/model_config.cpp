// ModelFacts from a config.json.
#include "runtime/spec/model_config.h"

#include <algorithm>

#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "runtime/base/text.h"
#include "runtime/spec/facts_schema.h"

namespace muster::spec {
namespace fs = std::filesystem;
using base::text;
using nlohmann::json;

namespace {

const std::string kKnown = "Muster has " + base::join(choice_names<Family>(), ", ");

json parse_object(const fs::path& path) {
  json object = base::parse_json(base::read_file(path), path.string(), "fetch the model folder anew");
  if (object.is_object()) return object;
  throw Error::user({.what = "not a JSON object", .where = path.string(), .fix = "fetch the model folder anew"});
}

/// Takes keys out of one config.json and gathers what is wrong with it.
class ConfigReader {
 public:
  ConfigReader(const json& config, fs::path path) : config_(config), path_(std::move(path)) {}

  bool has(const char* key) const { return config_.contains(key) && !config_[key].is_null(); }
  void count(const char* key, std::int64_t& value, bool is_needed = true, std::int64_t least = 1) {
    if (!has(key))
      return is_needed ? fault(text("has no \"", key, "\""), "a config.json of this kind names it") : void();
    const json& given = config_[key];
    if (!given.is_number_integer() || given.get<std::int64_t>() < least || given.get<std::int64_t>() > 1'000'000'000) {
      return fault(text("\"", key, "\" is ", given.dump()), text("must be a whole number of at least ", least));
    }
    value = given.get<std::int64_t>();
  }
  /// The first of these names that the file has.
  const char* any_of(std::initializer_list<const char*> keys) const {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const char* key) { return has(key); });
    return found == keys.end() ? *keys.begin() : *found;
  }
  /// What Muster's layers do not do must not be asked for.
  void must_be(const char* key, const json& only) {
    if (has(key) && config_[key] != only)
      fault(text(key, " is ", config_[key].dump()),
            text("Muster has ", choice_name(family_), " with ", key, " = ", only.dump(), " only"));
  }
  void family(Family family) { family_ = family; }
  void flag(const char* key, bool& value) {
    if (!has(key)) return;
    if (!config_[key].is_boolean())
      return fault(text("\"", key, "\" is ", config_[key].dump()), "must be true or false");
    value = config_[key].get<bool>();
  }
  void number(const json& from, const char* key, double& value, bool is_needed) {
    if (!from.contains(key) || from[key].is_null())
      return is_needed ? fault(text("has no \"", key, "\""), "a config.json of this kind names it") : void();
    if (!from[key].is_number() || !(from[key].get<double>() > 0))
      return fault(text("\"", key, "\" is ", from[key].dump()), "must be a number above 0");
    value = from[key].get<double>();
  }
  std::string word(const json& from, const char* key) {
    if (!from.contains(key) || from[key].is_null()) return "";
    if (from[key].is_string()) return from[key].get<std::string>();
    fault(text("\"", key, "\" is ", from[key].dump()), "must be text");
    return "";
  }
  void fault(std::string what, std::string fix) {
    faults_.add({.what = std::move(what), .where = path_.string(), .fix = std::move(fix)});
  }
  const json& config() const { return config_; }
  void throw_if_any() const { faults_.throw_if_any(); }

 private:
  const json& config_;
  fs::path path_;
  Family family_ = Family::llama;
  base::Faults faults_;
};

void read_family(ConfigReader& reader, ModelFacts& facts) {
  const std::string kind = reader.word(reader.config(), "model_type");
  const std::vector<std::string> names = choice_names<Family>();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == kind) facts.family = static_cast<Family>(i);
  }
  if (kind.empty()) {
    reader.fault("has no \"model_type\"", kKnown);
  } else if (kind != choice_name(facts.family)) {
    reader.fault(text("the architecture is \"", kind, "\", which Muster does not have"), kKnown);
  }
  reader.family(facts.family);
  facts.qk_norm = facts.family == Family::qwen3 || facts.family == Family::qwen3_moe;
  facts.attention_bias = facts.family == Family::qwen2;
}

/// rope_theta and rope_scaling of published folders, or rope_parameters of the newest ones.
void read_rope(ConfigReader& reader, ModelFacts& facts) {
  if (facts.family == Family::nemotron_h) return;  // its attention has no positions
  const json none = json::object();
  const bool is_newest = reader.has("rope_parameters") && reader.config()["rope_parameters"].is_object();
  const bool has_scaling = reader.has("rope_scaling") && reader.config()["rope_scaling"].is_object();
  const json& rope = is_newest     ? reader.config()["rope_parameters"]
                     : has_scaling ? reader.config()["rope_scaling"]
                                   : none;
  if (rope.contains("rope_theta")) {
    reader.number(rope, "rope_theta", facts.rope_theta, false);
  } else {
    reader.number(reader.config(), "rope_theta", facts.rope_theta, false);
  }
  std::string kind = reader.word(rope, "rope_type");
  if (kind.empty()) kind = reader.word(rope, "type");
  if (kind.empty() || kind == "default") return;
  facts.rope_llama3 = kind == "llama3";
  facts.rope_yarn = kind == "yarn" && facts.family == Family::deepseek_v3;
  if (!facts.rope_llama3 && !facts.rope_yarn)
    return reader.fault(text("rope_type is \"", kind, "\""),
                        "Muster has default and llama3, and yarn with deepseek_v3");
  reader.number(rope, "factor", facts.rope_factor, true);
  double positions = 0;
  reader.number(rope, "original_max_position_embeddings", positions, true);
  facts.rope_original_positions = static_cast<std::int64_t>(positions);
  reader.number(rope, "low_freq_factor", facts.rope_low_freq_factor, facts.rope_llama3);
  reader.number(rope, "high_freq_factor", facts.rope_high_freq_factor, facts.rope_llama3);
  reader.number(rope, "beta_fast", facts.rope_beta_fast, false);
  reader.number(rope, "beta_slow", facts.rope_beta_slow, false);
  reader.number(rope, "mscale", facts.rope_mscale, false);
  reader.number(rope, "mscale_all_dim", facts.rope_mscale_all_dim, false);
}

void read_sizes(ConfigReader& reader, ModelFacts& facts) {
  reader.count("hidden_size", facts.hidden_size);
  reader.count("num_hidden_layers", facts.num_layers, facts.layer_pattern.empty());
  reader.count("num_attention_heads", facts.num_heads);
  facts.num_kv_heads = facts.num_heads;
  reader.count("num_key_value_heads", facts.num_kv_heads, false);
  if (facts.family != Family::deepseek_v3) {
    facts.head_dim = facts.num_heads > 0 ? facts.hidden_size / facts.num_heads : 0;
    reader.count("head_dim", facts.head_dim, false);
  }
  reader.count("vocab_size", facts.vocab_size);
  reader.count("max_position_embeddings", facts.max_position_embeddings);
}

/// How experts are chosen, the same words in all families that have them.
void read_experts(ConfigReader& reader, ModelFacts& facts) {
  reader.count(reader.any_of({"n_routed_experts", "num_experts", "num_local_experts"}), facts.num_experts);
  reader.count("num_experts_per_tok", facts.experts_per_token);
  reader.count("moe_intermediate_size", facts.expert_intermediate_size);
  reader.count("n_group", facts.num_expert_groups, false);
  reader.count("topk_group", facts.top_expert_groups, false);
  reader.flag("norm_topk_prob", facts.normalize_expert_weights);
  reader.number(reader.config(), "routed_scaling_factor", facts.expert_weights_scale, false);
  facts.router_sigmoid = facts.family != Family::qwen3_moe;
}

void read_qwen3_moe(ConfigReader& reader, ModelFacts& facts) {
  read_experts(reader, facts);
  reader.must_be("decoder_sparse_step", 1);
  reader.must_be("mlp_only_layers", json::array());
}

void read_deepseek_v3(ConfigReader& reader, ModelFacts& facts) {
  read_experts(reader, facts);
  reader.count("q_lora_rank", facts.q_lora_rank, false);  // null: queries are projected at once
  reader.count("kv_lora_rank", facts.kv_lora_rank);
  reader.count("qk_nope_head_dim", facts.qk_nope_head_dim);
  reader.count("qk_rope_head_dim", facts.qk_rope_head_dim);
  reader.count("v_head_dim", facts.v_head_dim);
  facts.head_dim = facts.qk_nope_head_dim + facts.qk_rope_head_dim;
  std::int64_t shared = 0;
  reader.count("n_shared_experts", shared, false, 0);
  facts.shared_intermediate_size = shared * facts.expert_intermediate_size;
  reader.count("first_k_dense_replace", facts.num_dense_layers, true, 0);
  if (facts.num_dense_layers > 0) reader.count("intermediate_size", facts.intermediate_size);
  reader.must_be("scoring_func", "sigmoid");
  reader.must_be("topk_method", "noaux_tc");
  reader.must_be("moe_layer_freq", 1);
}

/// One letter a layer, or in the newest spelling a list of words.
void read_pattern(ConfigReader& reader, ModelFacts& facts) {
  facts.layer_pattern = reader.word(reader.config(), "hybrid_override_pattern");
  if (!facts.layer_pattern.empty()) return;
  const char* key = "layers_block_type";
  if (!reader.has(key) || !reader.config()[key].is_array())
    return reader.fault("has no \"hybrid_override_pattern\"", "a config.json of this kind names it");
  for (const json& word : reader.config()[key]) {
    facts.layer_pattern += word == "mamba" ? 'M' : word == "attention" ? '*' : word == "moe" ? 'E' : '-';
    if (facts.layer_pattern.back() == '-' && word != "mlp")
      return reader.fault(text(key, " names ", word.dump()), "known: mamba, attention, moe, mlp");
  }
  facts.num_layers = static_cast<std::int64_t>(facts.layer_pattern.size());
}

void read_nemotron_h(ConfigReader& reader, ModelFacts& facts) {
  read_pattern(reader, facts);
  if (facts.layer_pattern.find('E') != std::string::npos) {
    read_experts(reader, facts);
    reader.count("moe_shared_expert_intermediate_size", facts.shared_intermediate_size, false, 0);
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

void check_variant(ConfigReader& reader, const ModelFacts& facts) {
  reader.must_be("hidden_act", "silu");
  reader.must_be("mlp_bias", false);
  if (facts.family != Family::qwen2) reader.must_be("attention_bias", false);
  reader.must_be("use_sliding_window", false);
  if (reader.has("layer_types") && reader.config()["layer_types"].is_array()) {
    for (const json& kind : reader.config()["layer_types"]) {
      if (kind != "full_attention")
        return reader.fault(text("layer_types names ", kind.dump()), "Muster has full attention only");
    }
  }
  if (reader.has("quantization_config"))
    reader.fault("the weights are quantised (quantization_config)", "use a folder in bf16 or fp32");
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
  reader.number(config, reader.any_of({"rms_norm_eps", "layer_norm_epsilon"}), facts.rms_norm_eps, false);
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
  const fs::path path = folder / "config.json";
  if (!base::is_there(path)) {
    throw Error::user(
        {.what = "no model here: there is no config.json",
         .where = folder.string(),
         .fix = "model.path is a Hugging Face folder with config.json, tokenizer.json and safetensors files"});
  }
  const fs::path generation = folder / "generation_config.json";
  return facts_of_config(parse_object(path), base::is_there(generation) ? parse_object(generation) : json::object(),
                         path);
}

}  // namespace muster::spec
