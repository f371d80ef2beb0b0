// A config.json from ModelFacts.
#include <array>
#include <nlohmann/json.hpp>

#include "runtime/spec/facts_schema.h"

namespace muster::spec {
using nlohmann::json;

namespace {

nlohmann::ordered_json rope_json(const ModelFacts& facts) {
  if (!facts.rope_linear && !facts.rope_llama3 && !facts.rope_yarn) return nullptr;
  nlohmann::ordered_json rope;
  rope["rope_type"] = facts.rope_linear ? "linear" : facts.rope_llama3 ? "llama3" : "yarn";
  rope["factor"] = facts.rope_factor;
  if (facts.rope_linear) return rope;
  rope["original_max_position_embeddings"] = facts.rope_original_positions;
  if (facts.rope_llama3) {
    rope["low_freq_factor"] = facts.rope_low_freq_factor;
    rope["high_freq_factor"] = facts.rope_high_freq_factor;
    return rope;
  }
  rope["beta_fast"] = facts.rope_beta_fast;
  rope["beta_slow"] = facts.rope_beta_slow;
  if (facts.rope_mscale > 0) rope["mscale"] = facts.rope_mscale;
  if (facts.rope_mscale_all_dim > 0) rope["mscale_all_dim"] = facts.rope_mscale_all_dim;
  if (facts.rope_attention_factor > 0) rope["attention_factor"] = facts.rope_attention_factor;
  if (!facts.rope_truncate) rope["truncate"] = false;
  return rope;
}

void add_experts(const ModelFacts& facts, nlohmann::ordered_json& config) {
  config[facts.family == Family::qwen3_moe ? "num_experts" : "n_routed_experts"] = facts.num_experts;
  config["num_experts_per_tok"] = facts.experts_per_token;
  config["moe_intermediate_size"] = facts.expert_intermediate_size;
  config["norm_topk_prob"] = facts.normalize_expert_weights;
  if (facts.family == Family::qwen3_moe) {
    config["decoder_sparse_step"] = 1;
    config["mlp_only_layers"] = facts.dense_layers;
    return;
  }
  config["n_group"] = facts.num_expert_groups;
  config["topk_group"] = facts.top_expert_groups;
  config["routed_scaling_factor"] = facts.expert_weights_scale;
  const bool has_shared = facts.shared_intermediate_size > 0;
  if (facts.family == Family::nemotron_h) {
    config["n_shared_experts"] = has_shared ? 1 : 0;
    config["moe_shared_expert_intermediate_size"] = facts.shared_intermediate_size;
    if (facts.expert_latent_size > 0) config["moe_latent_size"] = facts.expert_latent_size;
  } else {
    config["n_shared_experts"] = facts.shared_intermediate_size / facts.expert_intermediate_size;
  }
}

void add_kind(const ModelFacts& facts, nlohmann::ordered_json& config) {
  if (facts.intermediate_size > 0) config["intermediate_size"] = facts.intermediate_size;
  if (facts.num_experts > 0) add_experts(facts, config);
  if (facts.family == Family::deepseek_v3) {
    config["first_k_dense_replace"] = facts.num_dense_layers;
    config["q_lora_rank"] = facts.q_lora_rank > 0 ? json(facts.q_lora_rank) : json(nullptr);
    config["kv_lora_rank"] = facts.kv_lora_rank;
    config["qk_nope_head_dim"] = facts.qk_nope_head_dim;
    config["qk_rope_head_dim"] = facts.qk_rope_head_dim;
    config["v_head_dim"] = facts.v_head_dim;
    config["scoring_func"] = "sigmoid";
    config["topk_method"] = "noaux_tc";
  } else {
    config["head_dim"] = facts.head_dim;
  }
  if (facts.family != Family::nemotron_h) return;
  config["hybrid_override_pattern"] = facts.layer_pattern;
  config["mamba_num_heads"] = facts.mamba_num_heads;
  config["mamba_head_dim"] = facts.mamba_head_dim;
  config["ssm_state_size"] = facts.mamba_state_size;
  config["n_groups"] = facts.mamba_num_groups;
  config["conv_kernel"] = facts.mamba_conv_kernel;
  config["mlp_hidden_act"] = "relu2";
}

}  // namespace

std::string config_json(const ModelFacts& facts, DataType stored) {
  nlohmann::ordered_json config;
  const std::array<const char*, 6> classes{"LlamaForCausalLM",    "Qwen2ForCausalLM",      "Qwen3ForCausalLM",
                                           "Qwen3MoeForCausalLM", "DeepseekV3ForCausalLM", "NemotronHForCausalLM"};
  config["architectures"] = {classes[static_cast<std::size_t>(facts.family)]};
  config["model_type"] = choice_name(facts.family);
  config["hidden_size"] = facts.hidden_size;
  config["num_hidden_layers"] = facts.num_layers;
  config["num_attention_heads"] = facts.num_heads;
  config["num_key_value_heads"] = facts.num_kv_heads;
  add_kind(facts, config);
  config["vocab_size"] = facts.vocab_size;
  config["max_position_embeddings"] = facts.max_position_embeddings;
  const bool is_hybrid = facts.family == Family::nemotron_h;
  if (!is_hybrid) config["hidden_act"] = "silu";
  config[is_hybrid ? "layer_norm_epsilon" : "rms_norm_eps"] = facts.rms_norm_eps;
  if (!is_hybrid) config["rope_theta"] = facts.rope_theta;
  if (!is_hybrid) config["rope_scaling"] = rope_json(facts);
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
