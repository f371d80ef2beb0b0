// ModelFacts from templates/models: TOML files in the words of config.json, with the published parameter count.
#include <algorithm>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/facts_schema.h"
#include "runtime/spec/model_config.h"
#include "runtime/spec/parameters.h"

namespace muster::spec {
namespace fs = std::filesystem;
using base::text;

namespace {

/// The keys of a file in templates/models. What is 0, false or empty is not said to the reader of config.json.
struct ModelTemplate {
  std::string hf_model, model_type;
  std::int64_t parameters = 0;
  std::int64_t hidden_size = 0, num_hidden_layers = 0, num_attention_heads = 0, num_key_value_heads = 0, head_dim = 0;
  std::int64_t intermediate_size = 0, vocab_size = 0, max_position_embeddings = 0;
  bool tie_word_embeddings = false;
  double rms_norm_eps = 0, layer_norm_epsilon = 0, rope_theta = 0;
  std::string rope_type;
  double rope_factor = 0, rope_low_freq_factor = 0, rope_high_freq_factor = 0;
  double rope_beta_fast = 0, rope_beta_slow = 0, rope_mscale = 0, rope_mscale_all_dim = 0;
  std::int64_t rope_original_max_position_embeddings = 0;
  std::int64_t num_experts = 0, n_routed_experts = 0, n_shared_experts = 0, num_experts_per_tok = 0;
  std::int64_t moe_intermediate_size = 0, moe_shared_expert_intermediate_size = 0, n_group = 0, topk_group = 0;
  std::int64_t first_k_dense_replace = 0;
  bool norm_topk_prob = false;
  std::string scoring_func;
  double routed_scaling_factor = 0;
  std::int64_t q_lora_rank = 0, kv_lora_rank = 0, qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;
  std::string hybrid_override_pattern, mlp_hidden_act;
  std::int64_t mamba_num_heads = 0, mamba_head_dim = 0, ssm_state_size = 0, n_groups = 0, conv_kernel = 0;
};

template <class Visitor>
void describe_template(Visitor& v, ModelTemplate& model) {
  const auto count = [&v](const char* name, std::int64_t& value) { v.key(name, value, kCountOrZero, "", ""); };
  const auto number = [&v](const char* name, double& value) { v.key(name, value, within(0, 1e12), "", ""); };
  v.key("hf_model", model.hf_model, kAny, "", "");
  v.key("model_type", model.model_type, one_of(choice_names<Family>()), "", "");
  v.key("parameters", model.parameters, within(0, 1e15), "", "");
  count("hidden_size", model.hidden_size);
  count("num_hidden_layers", model.num_hidden_layers);
  count("num_attention_heads", model.num_attention_heads);
  count("num_key_value_heads", model.num_key_value_heads);
  count("head_dim", model.head_dim);
  count("intermediate_size", model.intermediate_size);
  count("vocab_size", model.vocab_size);
  count("max_position_embeddings", model.max_position_embeddings);
  v.key("tie_word_embeddings", model.tie_word_embeddings, kAny, "", "");
  number("rms_norm_eps", model.rms_norm_eps);
  number("layer_norm_epsilon", model.layer_norm_epsilon);
  number("rope_theta", model.rope_theta);
  v.key("rope_type", model.rope_type, one_of({"default", "linear", "llama3", "yarn"}), "", "");
  number("rope_factor", model.rope_factor);
  number("rope_low_freq_factor", model.rope_low_freq_factor);
  number("rope_high_freq_factor", model.rope_high_freq_factor);
  number("rope_beta_fast", model.rope_beta_fast);
  number("rope_beta_slow", model.rope_beta_slow);
  number("rope_mscale", model.rope_mscale);
  number("rope_mscale_all_dim", model.rope_mscale_all_dim);
  count("rope_original_max_position_embeddings", model.rope_original_max_position_embeddings);
  count("num_experts", model.num_experts);
  count("n_routed_experts", model.n_routed_experts);
  count("n_shared_experts", model.n_shared_experts);
  count("num_experts_per_tok", model.num_experts_per_tok);
  count("moe_intermediate_size", model.moe_intermediate_size);
  count("moe_shared_expert_intermediate_size", model.moe_shared_expert_intermediate_size);
  count("n_group", model.n_group);
  count("topk_group", model.topk_group);
  count("first_k_dense_replace", model.first_k_dense_replace);
  v.key("norm_topk_prob", model.norm_topk_prob, kAny, "", "");
  v.key("scoring_func", model.scoring_func, kAny, "", "");
  number("routed_scaling_factor", model.routed_scaling_factor);
  count("q_lora_rank", model.q_lora_rank);
  count("kv_lora_rank", model.kv_lora_rank);
  count("qk_nope_head_dim", model.qk_nope_head_dim);
  count("qk_rope_head_dim", model.qk_rope_head_dim);
  count("v_head_dim", model.v_head_dim);
  v.key("hybrid_override_pattern", model.hybrid_override_pattern, kAny, "", "");
  v.key("mlp_hidden_act", model.mlp_hidden_act, kAny, "", "");
  count("mamba_num_heads", model.mamba_num_heads);
  count("mamba_head_dim", model.mamba_head_dim);
  count("ssm_state_size", model.ssm_state_size);
  count("n_groups", model.n_groups);
  count("conv_kernel", model.conv_kernel);
}

/// The config.json that the template stands for.
nlohmann::json config_of(ModelTemplate& model) {
  ValueVisitor visitor;
  describe_template(visitor, model);
  nlohmann::json config = nlohmann::json::object(), rope = nlohmann::json::object();
  for (const auto& [key, value] : visitor.root.items()) {
    const bool is_said = value.is_string() ? value != "" : value.is_boolean() ? value.get<bool>() : value != 0;
    if (!is_said || key == "hf_model" || key == "parameters") continue;
    const bool is_scaling = key.starts_with("rope_") && key != "rope_theta";
    (is_scaling ? rope : config)[is_scaling && key != "rope_type" ? key.substr(5) : key] = value;
  }
  // Where they are 0 or false they count as said: a config.json without them has other defaults.
  if (model.kv_lora_rank > 0) config["first_k_dense_replace"] = model.first_k_dense_replace;
  if (model.kv_lora_rank > 0) config["n_shared_experts"] = model.n_shared_experts;
  if (model.kv_lora_rank > 0 && model.q_lora_rank == 0) config["q_lora_rank"] = nullptr;
  if (model.num_experts + model.n_routed_experts > 0) config["norm_topk_prob"] = model.norm_topk_prob;
  if (!model.hybrid_override_pattern.empty())
    config["moe_shared_expert_intermediate_size"] = model.moe_shared_expert_intermediate_size;
  if (!rope.empty()) config["rope_scaling"] = rope;
  return config;
}

[[noreturn]] void refuse_name(const std::string& name, const fs::path& folder) {
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

}  // namespace

ModelFacts named_model_facts(const std::string& name, const fs::path& templates_folder) {
  const fs::path folder = templates_folder / "models";
  const fs::path path = folder / (name + ".toml");
  if (name.find('/') != std::string::npos || !base::is_there(path)) refuse_name(name, folder);
  base::Faults faults;
  TomlReader reader = TomlReader::parse(base::read_file(path), path.string(), faults);
  ModelTemplate model;
  ReadVisitor visitor(reader, nullptr);
  describe_template(visitor, model);
  reader.finish();
  faults.throw_if_any();
  const ModelFacts facts = facts_of_config(config_of(model), nlohmann::json::object(), path);
  if (model.parameters != 0 && parameter_count(facts) != model.parameters) {
    throw Error::user(
        {.what = text("these sizes give ", parameter_count(facts), " parameters, but the file says ", model.parameters),
         .where = path.string(),
         .fix = "correct the size that is wrong"});
  }
  return facts;
}

}  // namespace muster::spec
