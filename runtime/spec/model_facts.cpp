// ModelFacts from a Hugging Face folder or from templates/models, and back to a config.json.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/facts_schema.h"

namespace muster::spec {
namespace fs = std::filesystem;
using base::text;
using nlohmann::json;

namespace {

constexpr std::string_view kKnown = "Muster has llama, qwen2 and qwen3 (dense decoders)";

json parse_json(const fs::path& path) {
  const std::string content = base::read_file(path);
  try {
    json object = json::parse(content);
    if (object.is_object()) return object;
  } catch (const json::parse_error& error) {
    throw Error::user(
        {.what = text("not JSON: ", error.what()), .where = path.string(), .fix = "fetch the model folder anew"});
  }
  throw Error::user({.what = "not a JSON object", .where = path.string(), .fix = "fetch the model folder anew"});
}

/// Takes keys out of one config.json and gathers what is wrong with it.
class ConfigReader {
 public:
  ConfigReader(const json& config, fs::path path) : config_(config), path_(std::move(path)) {}

  bool has(const char* key) const { return config_.contains(key) && !config_[key].is_null(); }
  void count(const char* key, std::int64_t& value, bool is_needed = true) {
    if (!has(key))
      return is_needed ? fault(text("has no \"", key, "\""), "a config.json of this kind names it") : void();
    const json& given = config_[key];
    if (!given.is_number_integer() || given.get<std::int64_t>() < 1 || given.get<std::int64_t>() > 1'000'000'000) {
      return fault(text("\"", key, "\" is ", given.dump()), "must be a whole number of at least 1");
    }
    value = given.get<std::int64_t>();
  }
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
  base::Faults faults_;
};

void read_family(ConfigReader& reader, ModelFacts& facts) {
  const std::string kind = reader.word(reader.config(), "model_type");
  const std::vector<std::string> names = choice_names<Family>();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == kind) facts.family = static_cast<Family>(i);
  }
  if (kind.empty()) {
    reader.fault("has no \"model_type\"", std::string(kKnown));
  } else if (kind != choice_name(facts.family)) {
    reader.fault(text("the architecture is \"", kind, "\", which Muster does not have"), std::string(kKnown));
  }
  facts.qk_norm = facts.family == Family::qwen3;
  facts.attention_bias = facts.family == Family::qwen2;
}

/// rope_theta and rope_scaling of published folders, or rope_parameters of the newest ones.
void read_rope(ConfigReader& reader, ModelFacts& facts) {
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
  if (kind != "llama3") return reader.fault(text("rope_type is \"", kind, "\""), "Muster has default and llama3");
  facts.rope_llama3 = true;
  reader.number(rope, "factor", facts.rope_factor, true);
  reader.number(rope, "low_freq_factor", facts.rope_low_freq_factor, true);
  reader.number(rope, "high_freq_factor", facts.rope_high_freq_factor, true);
  double positions = 0;
  reader.number(rope, "original_max_position_embeddings", positions, true);
  facts.rope_original_positions = static_cast<std::int64_t>(positions);
}

void read_sizes(ConfigReader& reader, ModelFacts& facts) {
  reader.count("hidden_size", facts.hidden_size);
  reader.count("num_hidden_layers", facts.num_layers);
  reader.count("num_attention_heads", facts.num_heads);
  facts.num_kv_heads = facts.num_heads;
  reader.count("num_key_value_heads", facts.num_kv_heads, false);
  facts.head_dim = facts.num_heads > 0 ? facts.hidden_size / facts.num_heads : 0;
  reader.count("head_dim", facts.head_dim, false);
  reader.count("intermediate_size", facts.intermediate_size);
  reader.count("vocab_size", facts.vocab_size);
  reader.count("max_position_embeddings", facts.max_position_embeddings);
  if (facts.num_kv_heads > 0 && facts.num_heads % facts.num_kv_heads != 0) {
    reader.fault(text(facts.num_heads, " query heads are no multiple of ", facts.num_kv_heads, " key/value heads"), "");
  }
  if (facts.head_dim % 2 != 0)
    reader.fault(text("head_dim is ", facts.head_dim, ", but rotary positions need an even one"), "");
}

/// What Muster's layers do not do must not be asked for.
void check_variant(ConfigReader& reader, ModelFacts& facts) {
  const std::string activation = reader.word(reader.config(), "hidden_act");
  if (!activation.empty() && activation != "silu")
    reader.fault(text("hidden_act is \"", activation, "\""), "Muster has silu");
  bool flag = false;
  reader.flag("mlp_bias", flag);
  if (flag) reader.fault("mlp_bias is true", "Muster has feed-forward blocks without biases");
  flag = false;
  reader.flag("attention_bias", flag);
  if (flag && facts.family != Family::qwen2)
    reader.fault("attention_bias is true", "Muster has attention biases (q, k, v) with qwen2 only");
  flag = false;
  reader.flag("use_sliding_window", flag);
  if (flag) reader.fault("use_sliding_window is true", "Muster has full attention only");
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

/// Facts from one object in config.json's words; `config` outlives the call.
ModelFacts facts_from(const json& config, const json& generation, const fs::path& path) {
  ConfigReader reader(config, path);
  ModelFacts facts;
  read_family(reader, facts);
  reader.throw_if_any();  // of another kind nothing else can be said
  read_sizes(reader, facts);
  read_rope(reader, facts);
  reader.number(config, "rms_norm_eps", facts.rms_norm_eps, false);
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
  return facts;
}

}  // namespace

ModelFacts read_model_facts(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  if (!fs::exists(path)) {
    throw Error::user(
        {.what = "no model here: there is no config.json",
         .where = folder.string(),
         .fix = "model.path is a Hugging Face folder with config.json, tokenizer.json and safetensors files"});
  }
  const fs::path generation = folder / "generation_config.json";
  return facts_from(parse_json(path), fs::exists(generation) ? parse_json(generation) : json::object(), path);
}

namespace {

/// The keys of a file in templates/models.
struct ModelTemplate {
  std::string hf_model, model_type;
  std::int64_t hidden_size = 0, num_hidden_layers = 0, num_attention_heads = 0, num_key_value_heads = 0, head_dim = 0;
  std::int64_t intermediate_size = 0, vocab_size = 0, max_position_embeddings = 0, parameters = 0;
  bool tie_word_embeddings = false;
  double rms_norm_eps = 1e-6, rope_theta = 10000;
  std::string rope_type = "default";
  double rope_factor = 1, rope_low_freq_factor = 1, rope_high_freq_factor = 4;
  std::int64_t rope_original_max_position_embeddings = 0;
};

template <class Visitor>
void describe_template(Visitor& v, ModelTemplate& model) {
  v.key("hf_model", model.hf_model, kAny, "", "");
  v.key("model_type", model.model_type, one_of(choice_names<Family>()), "", "");
  v.key("hidden_size", model.hidden_size, kCount, "", "");
  v.key("num_hidden_layers", model.num_hidden_layers, kCount, "", "");
  v.key("num_attention_heads", model.num_attention_heads, kCount, "", "");
  v.key("num_key_value_heads", model.num_key_value_heads, kCount, "", "");
  v.key("head_dim", model.head_dim, kCount, "", "");
  v.key("intermediate_size", model.intermediate_size, kCount, "", "");
  v.key("vocab_size", model.vocab_size, kCount, "", "");
  v.key("max_position_embeddings", model.max_position_embeddings, kCount, "", "");
  v.key("tie_word_embeddings", model.tie_word_embeddings, kAny, "", "");
  v.key("rms_norm_eps", model.rms_norm_eps, within(0, 1), "", "");
  v.key("rope_theta", model.rope_theta, within(1, 1e12), "", "");
  v.key("rope_type", model.rope_type, one_of({"default", "llama3"}), "", "");
  v.key("rope_factor", model.rope_factor, within(1e-6, 1e6), "", "");
  v.key("rope_low_freq_factor", model.rope_low_freq_factor, within(1e-6, 1e6), "", "");
  v.key("rope_high_freq_factor", model.rope_high_freq_factor, within(1e-6, 1e6), "", "");
  v.key("rope_original_max_position_embeddings", model.rope_original_max_position_embeddings, kCountOrZero, "", "");
  v.key("parameters", model.parameters, within(1, 1e15), "", "");
}

json rope_json(bool is_llama3, double factor, double low, double high, std::int64_t positions) {
  if (!is_llama3) return nullptr;
  return {{"rope_type", "llama3"},
          {"factor", factor},
          {"low_freq_factor", low},
          {"high_freq_factor", high},
          {"original_max_position_embeddings", positions}};
}

}  // namespace

ModelFacts named_model_facts(const std::string& name, const fs::path& templates_folder) {
  const fs::path folder = templates_folder / "models";
  const fs::path path = folder / (name + ".toml");
  if (name.find('/') != std::string::npos || !fs::exists(path)) {
    std::vector<std::string> known;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (entry.path().extension() == ".toml") known.push_back(entry.path().stem().string());
    }
    std::sort(known.begin(), known.end());
    const std::string near = base::nearest(name, known);
    throw Error::user(
        {.what = text("there is no model \"", name, "\""),
         .where = folder.string(),
         .fix = (near.empty() ? "" : "did you mean \"" + near + "\"? ") + "known: " + base::join(known, ", ")});
  }
  base::Faults faults;
  TomlReader reader = TomlReader::parse(base::read_file(path), path.string(), faults);
  ModelTemplate model;
  ReadVisitor visitor(reader, nullptr);
  describe_template(visitor, model);
  reader.finish();
  faults.throw_if_any();
  const json config = {
      {"model_type", model.model_type},
      {"hidden_size", model.hidden_size},
      {"num_hidden_layers", model.num_hidden_layers},
      {"num_attention_heads", model.num_attention_heads},
      {"num_key_value_heads", model.num_key_value_heads},
      {"head_dim", model.head_dim},
      {"intermediate_size", model.intermediate_size},
      {"vocab_size", model.vocab_size},
      {"max_position_embeddings", model.max_position_embeddings},
      {"tie_word_embeddings", model.tie_word_embeddings},
      {"rms_norm_eps", model.rms_norm_eps},
      {"rope_theta", model.rope_theta},
      {"rope_scaling", rope_json(model.rope_type == "llama3", model.rope_factor, model.rope_low_freq_factor,
                                 model.rope_high_freq_factor, model.rope_original_max_position_embeddings)}};
  const ModelFacts facts = facts_from(config, json::object(), path);
  if (model.parameters != 0 && parameter_count(facts) != model.parameters) {
    throw Error::user(
        {.what = text("these sizes give ", parameter_count(facts), " parameters, but the file says ", model.parameters),
         .where = path.string(),
         .fix = "mend the size that is wrong"});
  }
  return facts;
}

std::string config_json(const ModelFacts& facts, DataType stored) {
  nlohmann::ordered_json config;
  const std::array<const char*, 3> classes{"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"};
  config["architectures"] = {classes[static_cast<std::size_t>(facts.family)]};
  config["model_type"] = choice_name(facts.family);
  config["hidden_size"] = facts.hidden_size;
  config["num_hidden_layers"] = facts.num_layers;
  config["num_attention_heads"] = facts.num_heads;
  config["num_key_value_heads"] = facts.num_kv_heads;
  config["head_dim"] = facts.head_dim;
  config["intermediate_size"] = facts.intermediate_size;
  config["vocab_size"] = facts.vocab_size;
  config["max_position_embeddings"] = facts.max_position_embeddings;
  config["hidden_act"] = "silu";
  config["rms_norm_eps"] = facts.rms_norm_eps;
  config["rope_theta"] = facts.rope_theta;
  config["rope_scaling"] = rope_json(facts.rope_llama3, facts.rope_factor, facts.rope_low_freq_factor,
                                     facts.rope_high_freq_factor, facts.rope_original_positions);
  config["tie_word_embeddings"] = facts.tied_embeddings;
  if (facts.family == Family::llama) config["mlp_bias"] = false;
  if (facts.family != Family::qwen2) config["attention_bias"] = false;
  config["use_cache"] = true;
  if (facts.bos_token >= 0) config["bos_token_id"] = facts.bos_token;
  if (facts.pad_token >= 0) config["pad_token_id"] = facts.pad_token;
  if (facts.end_tokens.size() == 1) {
    config["eos_token_id"] = facts.end_tokens.front();
  } else if (!facts.end_tokens.empty()) {
    config["eos_token_id"] = facts.end_tokens;
  }
  config["torch_dtype"] = stored == DataType::fp32 ? "float32" : "bfloat16";
  return config.dump(2) + "\n";
}

}  // namespace muster::spec
