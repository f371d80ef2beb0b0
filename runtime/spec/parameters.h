// One table of parameters: for each model family the Hugging Face name, global shape and dtype of every weight, and the
// box of it that a rank owns under any layout. No tensors. Loading, saving, refit and the memory figures read it;
// nothing else knows a layout.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/spec/job.h"
#include "runtime/spec/layout.h"

namespace muster::spec {

enum class Family { llama, qwen2, qwen3 };

/// The architecture of a dense decoder, from config.json or templates/models.
struct ModelFacts {
  Family family = Family::llama;
  std::int64_t hidden_size = 0, num_layers = 0, num_heads = 0, num_kv_heads = 0, head_dim = 0;
  std::int64_t intermediate_size = 0, vocab_size = 0, max_position_embeddings = 0;
  bool tied_embeddings = false;
  bool attention_bias = false;  // q, k, v carry biases (Qwen2)
  bool qk_norm = false;         // RMSNorm of each query and key head (Qwen3)
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;
  bool rope_llama3 = false;  // Llama-3's scaling of low frequencies
  double rope_factor = 1, rope_low_freq_factor = 1, rope_high_freq_factor = 4;
  std::int64_t rope_original_positions = 0;
  DataType stored_dtype = DataType::bf16;
  std::vector<std::int64_t> end_tokens;  // eos_token_id of config.json or generation_config.json
  std::int64_t bos_token = -1, pad_token = -1;
  bool operator==(const ModelFacts&) const = default;
};

/// Reads config.json (both the published and the newest spelling of keys) and generation_config.json beside it.
/// throws: Error::user naming the file and every key that is missing or of an architecture that Muster does not have.
ModelFacts read_model_facts(const std::filesystem::path& folder);
/// The facts of templates/models/<name>.toml. throws: Error::user with the nearest name.
ModelFacts named_model_facts(const std::string& name, const std::filesystem::path& templates_folder);
/// The config.json of these facts, as transformers reads it.
std::string config_json(const ModelFacts& facts, DataType stored);

/// How an axis cuts a parameter.
enum class Cut {
  replicated,   // every rank of tp holds all of it (norms, row-parallel biases)
  rows,         // dim 0 in equal parts over tp (gate, up, embedding, lm_head: vocabulary rows)
  columns,      // dim 1 in equal parts over tp (o_proj, down_proj)
  query_heads,  // dim 0 in whole heads over tp (q_proj)
  kv_heads,     // dim 0 in whole heads over tp; when tp exceeds the heads, several ranks hold the same one (k_proj,
                // v_proj)
};

struct Parameter {
  std::string name;                 // "model.layers.3.self_attn.q_proj.weight"
  std::vector<std::int64_t> shape;  // global
  Cut cut = Cut::replicated;
  std::int64_t layer = -1;       // -1: before the first (embedding) or after the last (norm, head)
  bool is_after_layers = false;  // final norm, lm_head
  std::int64_t numel() const;
};

/// A rectangle of a tensor: one range a dimension. The unit of loading, saving and refit.
struct Box {
  std::vector<Range> ranges;
  std::int64_t numel() const;
  std::vector<std::int64_t> shape() const;
  bool operator==(const Box&) const = default;
};
/// The overlap of two boxes; empty ranges when they do not meet (numel() == 0).
Box intersection(const Box& a, const Box& b);

/// Every parameter of the model in one fixed order: the embedding; for each layer input_layernorm, q, k, v (their
/// biases after each other: q, k, v), q_norm, k_norm, o, post_attention_layernorm, gate, up, down; the final norm; the
/// head unless tied. q, k, v and gate, up are neighbours, so that a flat buffer in this order holds them as one fused
/// matrix.
std::vector<Parameter> parameters_of(const ModelFacts& facts);
/// The box of `parameter` that the rank at `place` owns (tp here; pp by layers in issue order: a stage owns whole
/// layers). An empty box (numel 0) when the rank's pipeline stage does not hold it.
Box box_of(const ModelFacts& facts, const Parameter& parameter, const Degrees& degrees, const Coordinates& place);
/// Query heads and key/value heads of the rank at tp index `tp_index`.
Range query_heads_of(const ModelFacts& facts, std::int64_t tp, std::int64_t tp_index);
Range kv_heads_of(const ModelFacts& facts, std::int64_t tp, std::int64_t tp_index);
std::int64_t parameter_count(const ModelFacts& facts);
/// Forward plus backward FLOPs of one sequence of `tokens` tokens (attention counted causally). source: 6 x weights per
/// token plus 6 x tokens x heads x head_dim per token and layer.
double training_flops(const ModelFacts& facts, double tokens);

}  // namespace muster::spec
