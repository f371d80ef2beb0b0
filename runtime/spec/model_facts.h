// The architecture of a model, from the config.json of a Hugging Face folder or from templates/models.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/spec/job.h"

namespace muster::spec {

/// What config.json calls model_type. All of them can be planned.
enum class Family { llama, qwen2, qwen3, qwen3_moe, deepseek_v3, nemotron_h };
/// The families that the runtime runs.
constexpr bool runs(Family family) { return family != Family::nemotron_h; }

/// A size of 0 means that the model does not have the thing.
struct ModelFacts {
  Family family = Family::llama;
  // head_dim is the width of a query and key head (MLA: qk_nope_head_dim + qk_rope_head_dim).
  std::int64_t hidden_size = 0, num_layers = 0, num_heads = 0, num_kv_heads = 0, head_dim = 0;
  std::int64_t intermediate_size = 0, vocab_size = 0, max_position_embeddings = 0;
  bool tied_embeddings = false;
  bool attention_bias = false;  // q, k, v carry biases (Qwen2)
  bool qk_norm = false;         // RMSNorm of each query and key head (Qwen3)
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;
  bool rope_linear = false;  // every frequency divided by rope_factor
  bool rope_llama3 = false;  // Llama-3's scaling of low frequencies
  double rope_factor = 1, rope_low_freq_factor = 1, rope_high_freq_factor = 4;
  std::int64_t rope_original_positions = 0;
  bool rope_yarn = false;  // YaRN, with rope_factor and rope_original_positions
  double rope_beta_fast = 32, rope_beta_slow = 1, rope_mscale = 0, rope_mscale_all_dim = 0;  // mscale 0: not given
  double rope_attention_factor = 0;  // of cosines and sines; 0: it follows from the factor and the mscales
  bool rope_truncate = true;         // the range of blended frequencies ends at whole pairs
  DataType stored_dtype = DataType::bf16;
  std::vector<std::int64_t> end_tokens;  // eos_token_id of config.json or generation_config.json
  std::int64_t bos_token = -1, pad_token = -1;

  // Experts. Shared ones see every token and count here as one block of their summed width.
  std::int64_t num_experts = 0, experts_per_token = 0;
  std::int64_t expert_intermediate_size = 0, shared_intermediate_size = 0;
  std::int64_t expert_latent_size =
      0;                              // routed experts work on vectors of this width (Nemotron-3-Super); 0: hidden_size
  std::int64_t num_dense_layers = 0;  // the first layers, which have a dense feed-forward block instead
  std::vector<std::int64_t> dense_layers;                     // others that have one (Qwen3-MoE), ascending
  std::int64_t num_expert_groups = 1, top_expert_groups = 1;  // experts are chosen within the best groups
  bool router_sigmoid = false;  // scores by sigmoid, with a bias for the choice alone (DeepSeek-V3, Nemotron-3)
  bool normalize_expert_weights = false;
  double expert_weights_scale = 1;

  // Latent attention (MLA): queries and keys/values pass through narrow projections. q_lora_rank 0: queries do not.
  std::int64_t q_lora_rank = 0, kv_lora_rank = 0, qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;

  // Hybrids: one letter a layer, M Mamba-2, * attention, E experts, - feed-forward; and the sizes of Mamba-2.
  std::string layer_pattern;
  std::int64_t mamba_num_heads = 0, mamba_head_dim = 0, mamba_state_size = 0, mamba_num_groups = 0;
  std::int64_t mamba_conv_kernel = 0;
  bool operator==(const ModelFacts&) const = default;
};

/// What a layer is made of; each part stands behind a norm of its own and either may be missing (hybrids).
enum class Mixer { none, attention, latent_attention, mamba };
enum class FeedForward { none, dense, experts };
struct LayerKind {
  Mixer mixer = Mixer::attention;
  FeedForward feed_forward = FeedForward::dense;
  bool operator==(const LayerKind&) const = default;
};
LayerKind layer_kind(const ModelFacts& facts, std::int64_t layer);

/// Reads config.json (both the published and the newest spelling of keys) and generation_config.json beside it.
/// throws: Error::user naming the file and every key that is missing or of an architecture that Muster does not have.
ModelFacts read_model_facts(const std::filesystem::path& folder);
/// The facts of templates/models/<name>.toml. throws: Error::user with the nearest name, or when the sizes do not give
/// the parameter count that the file states.
ModelFacts named_model_facts(const std::string& name, const std::filesystem::path& templates_folder);
/// The config.json of these facts, as transformers reads it.
std::string config_json(const ModelFacts& facts, DataType stored);
/// The config.json of the folder `origin` as it stands there, but for the type of the weights; as above where the
/// folder has none or has become another model's.
std::string config_json(const std::filesystem::path& origin, const ModelFacts& facts, DataType stored);
/// What the sizes contradict, one sentence each; empty when they are sound. `facts` may come from anyone's file.
std::vector<std::string> contradictions(const ModelFacts& facts);

}  // namespace muster::spec
