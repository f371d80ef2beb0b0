// Names, shapes and cuts of the parameters of one layer, by kind. Letters: D model width, F feed-forward width, X
// experts.
#include <algorithm>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/spec/layer_list.h"

namespace muster::spec {

LayerKind layer_kind(const ModelFacts& facts, std::int64_t layer) {
  if (facts.family == Family::nemotron_h) {
    INVARIANT(layer >= 0 && layer < std::ssize(facts.layer_pattern), "a letter for each layer");
    switch (facts.layer_pattern[layer]) {
      case 'M':
        return {Mixer::mamba, FeedForward::none};
      case '*':
        return {Mixer::attention, FeedForward::none};
      case 'E':
        return {Mixer::none, FeedForward::experts};
      default:
        return {Mixer::none, FeedForward::dense};
    }
  }
  const bool is_dense = facts.num_experts == 0 || layer < facts.num_dense_layers ||
                        std::binary_search(facts.dense_layers.begin(), facts.dense_layers.end(), layer);
  return {facts.kv_lora_rank > 0 ? Mixer::latent_attention : Mixer::attention,
          is_dense ? FeedForward::dense : FeedForward::experts};
}

namespace {

/// Gathers the parameters of one layer.
class LayerList {
 public:
  LayerList(const ModelFacts& facts, std::int64_t layer, std::int64_t most_experts)
      : facts_(facts),
        layer_(layer),
        width_(facts.hidden_size),
        num_experts_(std::min(most_experts, facts.num_experts)) {
    prefix_ = (is_hybrid() ? "backbone.layers." : "model.layers.") + std::to_string(layer) + ".";
  }

  std::vector<Parameter> make() {
    const LayerKind kind = layer_kind(facts_, layer_);
    if (kind.mixer != Mixer::none) {
      add(is_hybrid() ? "norm.weight" : "input_layernorm.weight", {width_}, Cut::replicated);
      if (kind.mixer == Mixer::attention) add_attention(is_hybrid() ? "mixer." : "self_attn.");
      if (kind.mixer == Mixer::latent_attention) add_latent_attention("self_attn.");
      if (kind.mixer == Mixer::mamba) add_mamba("mixer.");
    }
    if (kind.feed_forward != FeedForward::none) {
      add(is_hybrid() ? "norm.weight" : "post_attention_layernorm.weight", {width_}, Cut::replicated);
      const std::string at = is_hybrid() ? "mixer." : "mlp.";
      if (kind.feed_forward == FeedForward::dense) add_dense(at, facts_.intermediate_size);
      if (kind.feed_forward == FeedForward::experts) add_experts(at);
    }
    return std::move(list_);
  }

 private:
  bool is_hybrid() const { return facts_.family == Family::nemotron_h; }
  /// The hybrids' feed-forward blocks have no gate (squared ReLU).
  bool has_gate() const { return !is_hybrid(); }

  void add(const std::string& name, std::vector<std::int64_t> shape, Cut cut, std::int64_t expert = -1) {
    list_.push_back({.name = prefix_ + name, .shape = std::move(shape), .cut = cut, .layer = layer_, .expert = expert});
  }

  void add_attention(const std::string& at) {
    const std::int64_t query = facts_.num_heads * facts_.head_dim, key = facts_.num_kv_heads * facts_.head_dim;
    add(at + "q_proj.weight", {query, width_}, Cut::query_heads);
    add(at + "k_proj.weight", {key, width_}, Cut::kv_heads);
    add(at + "v_proj.weight", {key, width_}, Cut::kv_heads);
    if (facts_.attention_bias) {
      add(at + "q_proj.bias", {query}, Cut::query_heads);
      add(at + "k_proj.bias", {key}, Cut::kv_heads);
      add(at + "v_proj.bias", {key}, Cut::kv_heads);
    }
    if (facts_.qk_norm) {
      add(at + "q_norm.weight", {facts_.head_dim}, Cut::replicated);
      add(at + "k_norm.weight", {facts_.head_dim}, Cut::replicated);
    }
    add(at + "o_proj.weight", {width_, query}, Cut::columns);
  }

  /// Keys and values of all heads come from one latent vector and one rotated key that all heads share.
  void add_latent_attention(const std::string& at) {
    const std::int64_t query = facts_.num_heads * facts_.head_dim;
    const std::int64_t key_value = facts_.num_heads * (facts_.qk_nope_head_dim + facts_.v_head_dim);
    const std::int64_t q_rank = facts_.q_lora_rank, kv_rank = facts_.kv_lora_rank;
    if (q_rank > 0) add(at + "q_a_proj.weight", {q_rank, width_}, Cut::replicated);
    add(at + "kv_a_proj_with_mqa.weight", {kv_rank + facts_.qk_rope_head_dim, width_}, Cut::replicated);
    if (q_rank > 0) add(at + "q_a_layernorm.weight", {q_rank}, Cut::replicated);
    add(at + "kv_a_layernorm.weight", {kv_rank}, Cut::replicated);
    add(at + (q_rank > 0 ? "q_b_proj.weight" : "q_proj.weight"), {query, q_rank > 0 ? q_rank : width_},
        Cut::query_heads);
    add(at + "kv_b_proj.weight", {key_value, kv_rank}, Cut::query_heads);
    add(at + "o_proj.weight", {width_, facts_.num_heads * facts_.v_head_dim}, Cut::columns);
  }

  /// A tensor of the files whose rows are several blocks, each cut over tp by itself.
  void add_blocks(const std::string& name, const std::vector<std::pair<const char*, std::int64_t>>& blocks,
                  const std::vector<std::int64_t>& row) {
    std::int64_t first_row = 0;
    for (const auto& [block, rows] : blocks) {
      std::vector<std::int64_t> shape{rows};
      shape.insert(shape.end(), row.begin(), row.end());
      add(name + "#" + block, std::move(shape), Cut::rows);
      list_.back().first_row = first_row;
      first_row += rows;
    }
  }

  void add_mamba(const std::string& at) {
    const std::int64_t heads = facts_.mamba_num_heads, inner = heads * facts_.mamba_head_dim;
    const std::int64_t state = facts_.mamba_num_groups * facts_.mamba_state_size;
    add_blocks(at + "in_proj.weight", {{"z", inner}, {"x", inner}, {"B", state}, {"C", state}, {"dt", heads}},
               {width_});
    add_blocks(at + "conv1d.weight", {{"x", inner}, {"B", state}, {"C", state}}, {1, facts_.mamba_conv_kernel});
    add_blocks(at + "conv1d.bias", {{"x", inner}, {"B", state}, {"C", state}}, {});
    add(at + "dt_bias", {heads}, Cut::rows);
    add(at + "A_log", {heads}, Cut::rows);
    add(at + "D", {heads}, Cut::rows);
    add(at + "norm.weight", {inner}, Cut::rows);
    add(at + "out_proj.weight", {width_, inner}, Cut::columns);
  }

  void add_dense(const std::string& at, std::int64_t inner) {
    if (has_gate()) add(at + "gate_proj.weight", {inner, width_}, Cut::rows);
    add(at + "up_proj.weight", {inner, width_}, Cut::rows);
    add(at + "down_proj.weight", {width_, inner}, Cut::columns);
  }

  void add_experts(const std::string& at) {
    const std::int64_t inner = facts_.expert_intermediate_size, latent = facts_.expert_latent_size;
    const std::int64_t width = latent > 0 ? latent : width_;  // of what routed experts read and write
    add(at + "gate.weight", {facts_.num_experts, width_}, Cut::replicated);
    if (facts_.router_sigmoid) add(at + "gate.e_score_correction_bias", {3, facts_.num_experts}, Cut::replicated);
    list_.reserve(list_.size() + static_cast<std::size_t>(3 * num_experts_) + 3);
    const auto expert_at = [&](std::int64_t expert) { return at + "experts." + std::to_string(expert) + "."; };
    if (latent > 0) add(at + "fc1_latent_proj.weight", {latent, width_}, Cut::replicated);
    for (std::int64_t expert = 0; expert < num_experts_; ++expert) {
      if (has_gate()) add(expert_at(expert) + "gate_proj.weight", {inner, width}, Cut::rows, expert);
      add(expert_at(expert) + "up_proj.weight", {inner, width}, Cut::rows, expert);
    }
    for (std::int64_t expert = 0; expert < num_experts_; ++expert)
      add(expert_at(expert) + "down_proj.weight", {width, inner}, Cut::columns, expert);
    if (latent > 0) add(at + "fc2_latent_proj.weight", {width_, latent}, Cut::replicated);
    if (facts_.shared_intermediate_size > 0) add_dense(at + "shared_experts.", facts_.shared_intermediate_size);
  }

  const ModelFacts& facts_;
  std::int64_t layer_, width_, num_experts_;
  std::string prefix_;
  std::vector<Parameter> list_;
};

}  // namespace

std::vector<Parameter> layer_parameters(const ModelFacts& facts, std::int64_t layer) {
  return LayerList(facts, layer, facts.num_experts).make();
}

std::vector<Parameter> layer_list(const ModelFacts& facts, std::int64_t layer, std::int64_t most_experts) {
  return LayerList(facts, layer, most_experts).make();
}

std::vector<Parameter> outer_parameters(const ModelFacts& facts) {
  const bool is_hybrid = facts.family == Family::nemotron_h;
  const std::vector<std::int64_t> table{facts.vocab_size, facts.hidden_size};
  std::vector<Parameter> list;
  list.push_back({.name = is_hybrid ? "backbone.embeddings.weight" : "model.embed_tokens.weight",
                  .shape = table,
                  .cut = Cut::rows});
  list.push_back({.name = is_hybrid ? "backbone.norm_f.weight" : "model.norm.weight",
                  .shape = {facts.hidden_size},
                  .is_after_layers = true});
  if (!facts.tied_embeddings)
    list.push_back({.name = "lm_head.weight", .shape = table, .cut = Cut::rows, .is_after_layers = true});
  return list;
}

}  // namespace muster::spec
