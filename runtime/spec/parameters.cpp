#include "runtime/spec/parameters.h"

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::spec {

using base::text;

std::int64_t Parameter::numel() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

std::int64_t Box::numel() const {
  std::int64_t count = ranges.empty() ? 0 : 1;
  for (const Range& range : ranges) count *= std::max<std::int64_t>(range.size(), 0);
  return count;
}

std::vector<std::int64_t> Box::shape() const {
  std::vector<std::int64_t> sizes;
  for (const Range& range : ranges) sizes.push_back(range.size());
  return sizes;
}

Box intersection(const Box& a, const Box& b) {
  INVARIANT(a.ranges.size() == b.ranges.size(), "boxes of one tensor have its dimensions");
  Box box;
  for (std::size_t dim = 0; dim < a.ranges.size(); ++dim) {
    Range range{std::max(a.ranges[dim].begin, b.ranges[dim].begin), std::min(a.ranges[dim].end, b.ranges[dim].end)};
    if (range.end < range.begin) range.end = range.begin;
    box.ranges.push_back(range);
  }
  return box;
}

namespace {

/// Appends the parameters of one layer.
void add_layer(const ModelFacts& facts, std::int64_t layer, std::vector<Parameter>& list) {
  const std::string prefix = text("model.layers.", layer, ".");
  const std::int64_t hidden = facts.hidden_size;
  const std::int64_t query = facts.num_heads * facts.head_dim;
  const std::int64_t key = facts.num_kv_heads * facts.head_dim;
  const auto add = [&](const char* name, std::vector<std::int64_t> shape, Cut cut) {
    list.push_back({.name = prefix + name, .shape = std::move(shape), .cut = cut, .layer = layer});
  };
  add("input_layernorm.weight", {hidden}, Cut::replicated);
  add("self_attn.q_proj.weight", {query, hidden}, Cut::query_heads);
  add("self_attn.k_proj.weight", {key, hidden}, Cut::kv_heads);
  add("self_attn.v_proj.weight", {key, hidden}, Cut::kv_heads);
  if (facts.attention_bias) {
    add("self_attn.q_proj.bias", {query}, Cut::query_heads);
    add("self_attn.k_proj.bias", {key}, Cut::kv_heads);
    add("self_attn.v_proj.bias", {key}, Cut::kv_heads);
  }
  if (facts.qk_norm) {
    add("self_attn.q_norm.weight", {facts.head_dim}, Cut::replicated);
    add("self_attn.k_norm.weight", {facts.head_dim}, Cut::replicated);
  }
  add("self_attn.o_proj.weight", {hidden, query}, Cut::columns);
  add("post_attention_layernorm.weight", {hidden}, Cut::replicated);
  add("mlp.gate_proj.weight", {facts.intermediate_size, hidden}, Cut::rows);
  add("mlp.up_proj.weight", {facts.intermediate_size, hidden}, Cut::rows);
  add("mlp.down_proj.weight", {hidden, facts.intermediate_size}, Cut::columns);
}

/// The stage of the pipeline that holds a layer: pp * vpp chunks of layers, dealt out to the stages in turn.
std::int64_t stage_of_layer(const ModelFacts& facts, const Degrees& degrees, std::int64_t layer) {
  const std::int64_t chunks = degrees.pp * degrees.vpp;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    if (layer < part_of(facts.num_layers, chunks, chunk).end) return chunk % degrees.pp;
  }
  INVARIANT(false, "a layer lies in a chunk");
  return 0;
}

bool holds(const ModelFacts& facts, const Parameter& parameter, const Degrees& degrees, std::int64_t stage) {
  if (degrees.pp == 1) return true;
  if (parameter.layer >= 0) return stage_of_layer(facts, degrees, parameter.layer) == stage;
  if (parameter.is_after_layers) return stage == degrees.pp - 1;
  return stage == 0 || (facts.tied_embeddings && stage == degrees.pp - 1);  // a tied head is the embedding
}

Range heads_of(std::int64_t heads, std::int64_t tp, std::int64_t tp_index) {
  if (heads % tp == 0) return part_of(heads, tp, tp_index);
  INVARIANT(tp % heads == 0, "tp divides the heads or is a multiple of them");
  const std::int64_t head = tp_index / (tp / heads);
  return {head, head + 1};
}

Range scaled(const Range& range, std::int64_t factor) { return {range.begin * factor, range.end * factor}; }

}  // namespace

std::vector<Parameter> parameters_of(const ModelFacts& facts) {
  std::vector<Parameter> list;
  list.reserve(static_cast<std::size_t>(facts.num_layers) * 14 + 3);
  list.push_back(
      {.name = "model.embed_tokens.weight", .shape = {facts.vocab_size, facts.hidden_size}, .cut = Cut::rows});
  for (std::int64_t layer = 0; layer < facts.num_layers; ++layer) add_layer(facts, layer, list);
  list.push_back({.name = "model.norm.weight", .shape = {facts.hidden_size}, .is_after_layers = true});
  if (!facts.tied_embeddings) {
    list.push_back({.name = "lm_head.weight",
                    .shape = {facts.vocab_size, facts.hidden_size},
                    .cut = Cut::rows,
                    .is_after_layers = true});
  }
  return list;
}

Range query_heads_of(const ModelFacts& facts, std::int64_t tp, std::int64_t tp_index) {
  INVARIANT(facts.num_heads % tp == 0, "tp divides the query heads");
  return part_of(facts.num_heads, tp, tp_index);
}

Range kv_heads_of(const ModelFacts& facts, std::int64_t tp, std::int64_t tp_index) {
  return heads_of(facts.num_kv_heads, tp, tp_index);
}

Box box_of(const ModelFacts& facts, const Parameter& parameter, const Degrees& degrees, const Coordinates& place) {
  Box box;
  for (const std::int64_t size : parameter.shape) box.ranges.push_back({0, size});
  if (!holds(facts, parameter, degrees, place.pp)) {
    for (Range& range : box.ranges) range = {0, 0};
    return box;
  }
  switch (parameter.cut) {
    case Cut::replicated:
      break;
    case Cut::rows:
      INVARIANT(parameter.shape[0] % degrees.tp == 0, "tp divides the rows of " + parameter.name);
      box.ranges[0] = part_of(parameter.shape[0], degrees.tp, place.tp);
      break;
    case Cut::columns:
      INVARIANT(parameter.shape[1] % degrees.tp == 0, "tp divides the columns of " + parameter.name);
      box.ranges[1] = part_of(parameter.shape[1], degrees.tp, place.tp);
      break;
    case Cut::query_heads:
      box.ranges[0] = scaled(query_heads_of(facts, degrees.tp, place.tp), facts.head_dim);
      break;
    case Cut::kv_heads:
      box.ranges[0] = scaled(kv_heads_of(facts, degrees.tp, place.tp), facts.head_dim);
      break;
  }
  return box;
}

std::int64_t parameter_count(const ModelFacts& facts) {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters_of(facts)) count += parameter.numel();
  return count;
}

double training_flops(const ModelFacts& facts, double tokens) {
  const auto embedding = static_cast<double>(facts.vocab_size * facts.hidden_size);
  // The embedding itself is a look-up; tied, the same numbers are multiplied as the head.
  const double multiplied = static_cast<double>(parameter_count(facts)) - (facts.tied_embeddings ? 0 : embedding);
  const double attention = 6.0 * tokens * static_cast<double>(facts.num_heads * facts.head_dim * facts.num_layers);
  return tokens * (6.0 * multiplied + attention);
}

}  // namespace muster::spec
