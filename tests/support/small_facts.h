// A model of each family, small enough to enumerate.
#pragma once

#include "runtime/spec/model_facts.h"

namespace muster::tests {

/// Five layers; tp may be 1, 2, 4 or 12, ep a divisor of 8.
inline spec::ModelFacts small_facts(spec::Family family, bool tied) {
  using spec::Family;
  spec::ModelFacts facts{.family = family,
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
                         .qk_norm = family == Family::qwen3 || family == Family::qwen3_moe};
  if (family == Family::qwen3_moe || family == Family::deepseek_v3 || family == Family::nemotron_h) {
    facts.num_experts = 8;
    facts.experts_per_token = 2;
    facts.expert_intermediate_size = 12;
    facts.normalize_expert_weights = true;
    facts.router_sigmoid = family != Family::qwen3_moe;
    if (family == Family::qwen3_moe) facts.intermediate_size = 0;
    if (family != Family::qwen3_moe) facts.shared_intermediate_size = 24;
    if (family != Family::qwen3_moe) facts.expert_weights_scale = 2.5;
  }
  if (family == Family::deepseek_v3) {
    facts.num_dense_layers = 2;
    facts.num_expert_groups = 4;
    facts.top_expert_groups = 2;
    facts.num_kv_heads = 12;
    facts.q_lora_rank = 10;
    facts.kv_lora_rank = 8;
    facts.qk_nope_head_dim = 4;
    facts.qk_rope_head_dim = 2;
    facts.v_head_dim = 5;
  }
  if (family == Family::nemotron_h) {
    facts.layer_pattern = "ME*-M";
    facts.mamba_num_heads = facts.mamba_num_groups = 12;
    facts.mamba_head_dim = 2;
    facts.mamba_state_size = 3;
    facts.mamba_conv_kernel = 4;
  }
  return facts;
}

}  // namespace muster::tests
