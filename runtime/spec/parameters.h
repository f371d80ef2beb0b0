// One table of parameters: for each model family the Hugging Face name and global shape of every weight, and the box of
// it that a rank owns under any layout. No tensors. Loading, saving, refit and the memory figures read it; nothing else
// knows a layout.
//
// How the axes cut:
//   tp    by the parameter's Cut; KV heads repeat when tp exceeds them, norms and routers are whole on every rank
//   cp    nothing but with fsdp: its ranks hold the same weights
//   ep    experts, whole ones; etp cuts each expert as tp cuts a dense block (layout.h)
//   pp    whole layers (layers_of); the embedding lies on the first stage, final norm and head on the last, a tied
//         embedding on both
//   fsdp  the rows (dim 0) of what the axes above leave, over dp_cp by part_of: parts differ by one row at most, and a
//   rank
//         holds nothing of a parameter with fewer rows than ranks before it
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/spec/layout.h"
#include "runtime/spec/model_facts.h"

namespace muster::spec {

/// How tp cuts a parameter (an expert's: etp).
enum class Cut {
  replicated,   // every rank of tp holds all of it (norms, routers, latent projections)
  rows,         // dim 0 in equal parts over tp (gate, up, embedding, lm_head: vocabulary rows)
  columns,      // dim 1 in equal parts over tp (o_proj, down_proj)
  query_heads,  // dim 0 in whole query heads over tp (q_proj)
  kv_heads,     // dim 0 in whole heads over tp; when tp exceeds the heads, several ranks hold the same one (k_proj,
                // v_proj)
};

/// One tensor of the files, or a block of rows of one. Mamba's in_proj holds z, x, B, C and dt one above the other, and
/// each is cut by itself: such a block is a parameter of its own, "....in_proj.weight#B".
struct Parameter {
  std::string name;                 // "model.layers.3.self_attn.q_proj.weight"
  std::vector<std::int64_t> shape;  // global; of the block, where it is one
  Cut cut = Cut::replicated;
  std::int64_t layer = -1;       // -1: before the first (embedding) or after the last (norm, head)
  bool is_after_layers = false;  // final norm, lm_head
  std::int64_t expert = -1;      // -1: not of a routed expert
  std::int64_t first_row = 0;    // of the block within the tensor of the files
  std::int64_t numel() const;
  std::string file_tensor() const;               // the name without the block's
  std::vector<std::int64_t> file_shape() const;  // of that tensor, or of the block's rows of it
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

/// The matrix by which experts are chosen (and its bias).
bool is_router(const Parameter& parameter);
/// The bias of that choice, [3, X]. The files have it as [X] float32 whatever the type of the rest: rounded to bf16 it
/// would choose other experts. So it is held as three rows of bf16 numbers, whose sum is the float32 in any type
/// (weights/float_parts.h). No optimizer moves it: it has no gradient.
bool is_choice_bias(const Parameter& parameter);

/// Every parameter of the model in one fixed order: the embedding; each layer's (layer_parameters); the final norm; the
/// head unless tied. Multi-token-prediction layers are not part of the model.
std::vector<Parameter> parameters_of(const ModelFacts& facts);
/// Those of one layer, norm before part. A decoder layer: input_layernorm, q, k, v (their biases after each other: q,
/// k, v), q_norm, k_norm, o, post_attention_layernorm, gate, up, down. Latent attention: q_a, kv_a, their norms, q_b,
/// kv_b, o. Experts: the router, gate and up of every expert in turn, then down of every expert, then the shared block.
/// So q, k, v; gate, up; q_a, kv_a are neighbours, and a flat buffer in this order holds them as one fused matrix and
/// the experts as two grouped ones, [experts, 2 F, D] and [experts, D, F].
std::vector<Parameter> layer_parameters(const ModelFacts& facts, std::int64_t layer);
/// Those outside the layers.
std::vector<Parameter> outer_parameters(const ModelFacts& facts);

/// The flat buffer of a rank holds what is not of experts first, then the experts; each of both is filled up to a
/// multiple of this, so that its replicas (dp_cp, edp) share it evenly.
std::int64_t replica_multiple(const ModelFacts& facts, const Degrees& degrees);

/// The box of `parameter` that the rank at `place` owns. An empty box (numel 0) when it holds none of it.
Box box_of(const ModelFacts& facts, const Parameter& parameter, const Degrees& degrees, const Coordinates& place);
/// The rank holds a box of the parameter, and no rank before it in the role holds the very same one: what is counted
/// once is counted there.
bool holds_first(const ModelFacts& facts, const Parameter& parameter, const Degrees& degrees, const Coordinates& place);
/// Query heads and key/value heads of the rank at tp index `tp_index`.
Range query_heads_of(const ModelFacts& facts, std::int64_t tp, std::int64_t tp_index);
Range kv_heads_of(const ModelFacts& facts, std::int64_t tp, std::int64_t tp_index);
/// The routed experts of the rank at ep index `ep_index`: consecutive ones.
Range experts_of(const ModelFacts& facts, std::int64_t ep, std::int64_t ep_index);

/// Elements that one rank holds: of routed experts (their replicas lie along edp) and of everything else (dp_cp).
struct Elements {
  std::int64_t dense = 0, experts = 0;
  std::int64_t total() const { return dense + experts; }
  bool operator==(const Elements&) const = default;
};
/// The sum of all boxes, but without a list of all parameters: a layer of each kind stands for all of its kind.
Elements local_elements(const ModelFacts& facts, const Degrees& degrees, const Coordinates& place);
std::int64_t parameter_count(const ModelFacts& facts);
/// Parameters that one token passes through: without the experts that are not chosen.
std::int64_t active_parameter_count(const ModelFacts& facts);
/// Forward plus backward FLOPs of one sequence of `tokens` tokens (attention counted causally). source: 6 x multiplied
/// weights a token (of experts those that are chosen, routers left out), 3 x tokens x heads x (key + value width) a
/// token and attention layer, 21 x width x state a token and Mamba layer.
double training_flops(const ModelFacts& facts, double tokens);

}  // namespace muster::spec
