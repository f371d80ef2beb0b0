#include "runtime/spec/parameters.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/spec/layer_list.h"

namespace muster::spec {

std::int64_t Parameter::numel() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

bool is_router(const Parameter& parameter) {
  return parameter.name.ends_with(".gate.weight") || is_choice_bias(parameter);
}

bool is_choice_bias(const Parameter& parameter) { return parameter.name.ends_with(".e_score_correction_bias"); }

std::string Parameter::file_tensor() const { return name.substr(0, name.find('#')); }

std::vector<std::int64_t> Parameter::file_shape() const {
  return is_choice_bias(*this) ? std::vector<std::int64_t>{shape.back()} : shape;
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

std::vector<Parameter> parameters_of(const ModelFacts& facts) {
  std::vector<Parameter> outer = outer_parameters(facts);
  std::vector<Parameter> list;
  list.push_back(std::move(outer.front()));
  for (std::int64_t layer = 0; layer < facts.num_layers; ++layer) {
    std::vector<Parameter> own = layer_parameters(facts, layer);
    std::move(own.begin(), own.end(), std::back_inserter(list));
  }
  std::move(outer.begin() + 1, outer.end(), std::back_inserter(list));
  return list;
}

namespace {

bool stage_holds(const ModelFacts& facts, const Parameter& parameter, const Degrees& degrees, std::int64_t stage) {
  if (degrees.pp == 1) return true;
  if (parameter.layer >= 0) return stage_of_layer(degrees, facts.num_layers, parameter.layer) == stage;
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

Range equal_part(const Parameter& parameter, std::size_t dim, std::int64_t parts, std::int64_t index) {
  INVARIANT(parameter.shape[dim] % parts == 0, "tp divides the cut dimension of " + parameter.name);
  return part_of(parameter.shape[dim], parts, index);
}

/// What tp leaves of a parameter that the rank holds.
void cut_over_tp(const ModelFacts& facts, const Parameter& parameter, std::int64_t tp, std::int64_t tp_index,
                 Box& box) {
  switch (parameter.cut) {
    case Cut::replicated:
      break;
    case Cut::rows:
      box.ranges[0] = equal_part(parameter, 0, tp, tp_index);
      break;
    case Cut::columns:
      box.ranges[1] = equal_part(parameter, 1, tp, tp_index);
      break;
    case Cut::query_heads:
      box.ranges[0] = scaled(query_heads_of(facts, tp, tp_index), parameter.shape[0] / facts.num_heads);
      break;
    case Cut::kv_heads:
      box.ranges[0] = scaled(kv_heads_of(facts, tp, tp_index), parameter.shape[0] / facts.num_kv_heads);
      break;
  }
}

}  // namespace

Range query_heads_of(const ModelFacts& facts, std::int64_t tp, std::int64_t tp_index) {
  INVARIANT(facts.num_heads % tp == 0, "tp divides the query heads");
  return part_of(facts.num_heads, tp, tp_index);
}

Range kv_heads_of(const ModelFacts& facts, std::int64_t tp, std::int64_t tp_index) {
  return heads_of(facts.num_kv_heads, tp, tp_index);
}

Range experts_of(const ModelFacts& facts, std::int64_t ep, std::int64_t ep_index) {
  INVARIANT(facts.num_experts % ep == 0, "ep divides the experts");
  return part_of(facts.num_experts, ep, ep_index);
}

Box box_of(const ModelFacts& facts, const Parameter& parameter, const Degrees& degrees, const Coordinates& place) {
  const bool is_expert = parameter.expert >= 0;
  bool is_held = stage_holds(facts, parameter, degrees, place.pp);
  if (is_held && is_expert) {
    const Range experts = experts_of(facts, degrees.ep, place.ep);
    is_held = parameter.expert >= experts.begin && parameter.expert < experts.end;
  }
  Box box;
  for (const std::int64_t size : parameter.shape) box.ranges.push_back({0, is_held ? size : 0});
  if (!is_held) return box;
  cut_over_tp(facts, parameter, is_expert ? degrees.etp : degrees.tp, is_expert ? place.etp : place.tp, box);
  if (degrees.fsdp == 1) {
    Range& rows = box.ranges[0];
    const Range own = part_of(rows.size(), degrees.of(Axis::dp_cp), place.cp + degrees.cp * place.dp);
    rows = {rows.begin + own.begin, rows.begin + own.end};
  }
  return box;
}

std::int64_t replica_multiple(const ModelFacts& facts, const Degrees& degrees) {
  if (degrees.fsdp == 1) return 1;
  const std::int64_t dense = degrees.of(Axis::dp_cp);
  return facts.num_experts > 0 ? std::lcm(dense, degrees.of(Axis::edp)) : dense;
}

bool holds_first(const ModelFacts& facts, const Parameter& parameter, const Degrees& degrees,
                 const Coordinates& place) {
  const Box own = box_of(facts, parameter, degrees, place);
  for (std::int64_t rank = 0; rank < rank_of(degrees, place); ++rank)
    if (box_of(facts, parameter, degrees, place_of(degrees, rank)) == own) return false;
  return own.numel() > 0;
}

namespace {

/// Layers of one kind have the same parameters: one of them, and how many there are.
struct Kind {
  std::int64_t layer = 0, count = 0;
};

std::vector<Kind> kinds_among(const ModelFacts& facts, const std::vector<Range>& stretches) {
  std::vector<Kind> kinds;
  for (const Range& layers : stretches) {
    for (std::int64_t layer = layers.begin; layer < layers.end; ++layer) {
      const auto known = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) {
        return layer_kind(facts, kind.layer) == layer_kind(facts, layer);
      });
      if (known == kinds.end()) {
        kinds.push_back({layer, 1});
      } else {
        ++known->count;
      }
    }
  }
  return kinds;
}

}  // namespace

Elements local_elements(const ModelFacts& facts, const Degrees& degrees, const Coordinates& place) {
  Elements elements;
  for (const Parameter& parameter : outer_parameters(facts))
    elements.dense += box_of(facts, parameter, degrees, place).numel();
  std::vector<Range> stretches;
  for (std::int64_t chunk = 0; chunk < degrees.vpp; ++chunk)
    stretches.push_back(layers_of(degrees, facts.num_layers, place.pp, chunk));
  Degrees one_stage = degrees;  // these layers are this rank's
  one_stage.pp = one_stage.vpp = 1;
  one_stage.first_stage_layers = one_stage.last_stage_layers = 0;
  const std::int64_t own_experts = facts.num_experts > 0 ? experts_of(facts, degrees.ep, place.ep).size() : 0;
  Coordinates of_first = place;  // one expert stands for all of a rank
  of_first.ep = 0;
  for (const Kind& kind : kinds_among(facts, stretches)) {
    for (const Parameter& parameter : layer_list(facts, kind.layer, 1)) {
      if (parameter.expert >= 0) {
        elements.experts += kind.count * own_experts * box_of(facts, parameter, one_stage, of_first).numel();
      } else {
        elements.dense += kind.count * box_of(facts, parameter, one_stage, place).numel();
      }
    }
  }
  return elements;
}

namespace {

/// All elements, but of what is held in parts the numbers that the parts stand for.
Elements counted_elements(const ModelFacts& facts) {
  Elements elements = local_elements(facts, {}, {});
  for (const Kind& kind : kinds_among(facts, {{0, facts.num_layers}}))
    for (const Parameter& parameter : layer_list(facts, kind.layer, 0))
      if (is_choice_bias(parameter)) elements.dense -= kind.count * (parameter.numel() - parameter.shape.back());
  return elements;
}

}  // namespace

std::int64_t parameter_count(const ModelFacts& facts) { return counted_elements(facts).total(); }

std::int64_t active_parameter_count(const ModelFacts& facts) {
  const Elements elements = counted_elements(facts);
  if (facts.num_experts == 0) return elements.total();
  return elements.dense + elements.experts / facts.num_experts * facts.experts_per_token;
}

namespace {

/// FLOPs of the forward pass of one token that are no product with a weight: attention over `tokens` / 2 earlier ones
/// on average, or a Mamba layer's scan.
double mixing_flops(const ModelFacts& facts, Mixer mixer, double tokens) {
  if (mixer == Mixer::none) return 0;
  if (mixer == Mixer::mamba)
    return 7.0 * static_cast<double>(facts.mamba_num_heads * facts.mamba_head_dim * facts.mamba_state_size);
  const std::int64_t value_dim = mixer == Mixer::latent_attention ? facts.v_head_dim : facts.head_dim;
  return tokens * static_cast<double>(facts.num_heads * (facts.head_dim + value_dim));
}

}  // namespace

double training_flops(const ModelFacts& facts, double tokens) {
  double multiplied =
      static_cast<double>(facts.vocab_size * facts.hidden_size);  // the head; the embedding is looked up
  double mixing = 0;
  for (const Kind& kind : kinds_among(facts, {{0, facts.num_layers}})) {
    const auto count = static_cast<double>(kind.count);
    mixing += count * mixing_flops(facts, layer_kind(facts, kind.layer).mixer, tokens);
    for (const Parameter& parameter : layer_list(facts, kind.layer, facts.experts_per_token)) {
      if (parameter.shape.size() == 2 && !is_router(parameter))
        multiplied += count * static_cast<double>(parameter.numel());
    }
  }
  return tokens * 3 * (2 * multiplied + mixing);
}

}  // namespace muster::spec
