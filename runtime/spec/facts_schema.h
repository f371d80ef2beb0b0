// Every fact of a model as the plan holds it, declared once (see visitors.h).
#pragma once

#include "runtime/spec/parameters.h"
#include "runtime/spec/visitors.h"

namespace muster::spec {

template <>
struct Choices<Family> {
  static constexpr std::array kNames{"llama", "qwen2", "qwen3", "qwen3_moe", "deepseek_v3", "nemotron_h"};
};

template <class Visitor, class F>
void describe_facts(Visitor& v, F& facts) {
  const Rule size = within(1, 1e8), size_or_none = within(0, 1e8);
  v.key("family", facts.family, kAny, "", "the kind of decoder");
  v.key("hidden_size", facts.hidden_size, size, "", "model width");
  v.key("num_layers", facts.num_layers, within(1, 1e5), "layers", "decoder layers");
  v.key("num_heads", facts.num_heads, within(1, 1e5), "heads", "query heads");
  v.key("num_kv_heads", facts.num_kv_heads, within(1, 1e5), "heads", "key and value heads");
  v.key("head_dim", facts.head_dim, within(2, 1e5), "", "width of a head");
  v.key("intermediate_size", facts.intermediate_size, size_or_none, "", "width of a dense feed-forward block");
  v.key("vocab_size", facts.vocab_size, size, "tokens", "rows of the embedding");
  v.key("max_position_embeddings", facts.max_position_embeddings, within(1, 1e9), "tokens", "longest sequence");
  v.key("tied_embeddings", facts.tied_embeddings, kAny, "", "the head is the embedding");
  v.key("attention_bias", facts.attention_bias, kAny, "", "q, k and v carry biases");
  v.key("qk_norm", facts.qk_norm, kAny, "", "each query and key head is normalised");
  v.key("rms_norm_eps", facts.rms_norm_eps, within(0, 1), "", "added to the mean square");
  v.key("rope_theta", facts.rope_theta, within(1, 1e12), "", "base of the rotary frequencies");
  v.key("rope_linear", facts.rope_linear, kAny, "", "all frequencies are scaled alike");
  v.key("rope_llama3", facts.rope_llama3, kAny, "", "low frequencies are scaled as Llama 3 does");
  v.key("rope_factor", facts.rope_factor, within(1e-6, 1e6), "", "of that scaling");
  v.key("rope_low_freq_factor", facts.rope_low_freq_factor, within(1e-6, 1e6), "", "of that scaling");
  v.key("rope_high_freq_factor", facts.rope_high_freq_factor, within(1e-6, 1e6), "", "of that scaling");
  v.key("rope_original_positions", facts.rope_original_positions, within(0, 1e9), "tokens", "of that scaling");
  v.key("rope_yarn", facts.rope_yarn, kAny, "", "frequencies are scaled as YaRN does");
  v.key("rope_beta_fast", facts.rope_beta_fast, within(1e-6, 1e6), "", "of YaRN");
  v.key("rope_beta_slow", facts.rope_beta_slow, within(1e-6, 1e6), "", "of YaRN");
  v.key("rope_mscale", facts.rope_mscale, within(0, 1e6), "", "of YaRN");
  v.key("rope_mscale_all_dim", facts.rope_mscale_all_dim, within(0, 1e6), "", "of YaRN");
  v.key("rope_attention_factor", facts.rope_attention_factor, within(0, 1e6), "", "of YaRN; 0: computed");
  v.key("rope_truncate", facts.rope_truncate, kAny, "", "of YaRN");
  v.key("stored_dtype", facts.stored_dtype, kAny, "", "type in which the files hold the weights");
  v.key("end_tokens", facts.end_tokens, kAny, "", "token ids that end an answer");
  v.key("bos_token", facts.bos_token, within(-1, 1e9), "", "token id at the beginning; -1: none");
  v.key("num_experts", facts.num_experts, size_or_none, "", "routed experts of a layer");
  v.key("experts_per_token", facts.experts_per_token, size_or_none, "", "of which one token is seen");
  v.key("expert_intermediate_size", facts.expert_intermediate_size, size_or_none, "", "width of a routed expert");
  v.key("shared_intermediate_size", facts.shared_intermediate_size, size_or_none, "", "width of the shared experts");
  v.key("expert_latent_size", facts.expert_latent_size, size_or_none, "",
        "width that routed experts see; 0: hidden_size");
  v.key("num_dense_layers", facts.num_dense_layers, within(0, 1e5), "layers", "first layers without experts");
  v.key("dense_layers", facts.dense_layers, kAny, "", "other layers without experts");
  v.key("num_expert_groups", facts.num_expert_groups, size, "", "groups of experts");
  v.key("top_expert_groups", facts.top_expert_groups, size, "", "of which experts are chosen");
  v.key("router_sigmoid", facts.router_sigmoid, kAny, "", "router scores by sigmoid, with a bias for the choice");
  v.key("normalize_expert_weights", facts.normalize_expert_weights, kAny, "", "the chosen ones' weights sum to 1");
  v.key("expert_weights_scale", facts.expert_weights_scale, within(1e-6, 1e6), "", "factor of those weights");
  v.key("q_lora_rank", facts.q_lora_rank, size_or_none, "", "latent attention: width of the queries' projection");
  v.key("kv_lora_rank", facts.kv_lora_rank, size_or_none, "", "latent attention: width of the keys' and values' one");
  v.key("qk_nope_head_dim", facts.qk_nope_head_dim, size_or_none, "", "latent attention: unrotated width of a head");
  v.key("qk_rope_head_dim", facts.qk_rope_head_dim, size_or_none, "", "latent attention: rotated width of a head");
  v.key("v_head_dim", facts.v_head_dim, size_or_none, "", "latent attention: width of a value head");
  v.key("layer_pattern", facts.layer_pattern, kAny, "", "hybrids: a letter a layer, M Mamba, * attention, E experts");
  v.key("mamba_num_heads", facts.mamba_num_heads, size_or_none, "heads", "of a Mamba layer");
  v.key("mamba_head_dim", facts.mamba_head_dim, size_or_none, "", "of a Mamba layer");
  v.key("mamba_state_size", facts.mamba_state_size, size_or_none, "", "of a Mamba layer");
  v.key("mamba_num_groups", facts.mamba_num_groups, size_or_none, "", "of a Mamba layer");
  v.key("mamba_conv_kernel", facts.mamba_conv_kernel, size_or_none, "", "of a Mamba layer");
  v.key("pad_token", facts.pad_token, within(-1, 1e9), "", "token id of padding; -1: none");
}

}  // namespace muster::spec
