// The layers of a decoder in reading order. Letters: T tokens (of the stream: those of this rank), D width, H query
// heads and K key/value heads (cut over tp), E head width, F feed-forward width (cut over tp), V vocabulary rows (cut
// over tp).
#include "runtime/model/decoder.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/comm/communicator.h"
#include "runtime/model/rope.h"

namespace muster::model {
namespace {

/// The stream between layers: what is summed already, and what the last layer adds to it (undefined before the first).
struct Stream {
  at::Tensor residual_TD, added_TD;
};

struct Layer {
  std::int64_t index = 0;  // in the model
  ops::Param input_norm_D, qkv_OD, qkv_bias_O, q_norm_E, k_norm_E, o_DO, post_norm_D, gate_up_2FD, down_DF;
};

/// Finds weights of one unit, and the places of their gradients, by name.
class Windows {
 public:
  Windows(const WeightSource& source, Unit unit) : values_(source.values(unit)), gradients_(source.gradients(unit)) {}
  ops::Param one(const std::string& name) const {
    return {values_.view(name), gradients_ ? gradients_->view(name) : at::Tensor()};
  }
  ops::Param rows(const std::string& first, const std::string& last) const {
    return {values_.fused(first, last), gradients_ ? gradients_->fused(first, last) : at::Tensor()};
  }

 private:
  const weights::ShardStore& values_;
  const weights::ShardStore* gradients_;
};

Layer layer_of(const spec::ModelFacts& facts, const WeightSource& source, std::int64_t l) {
  const Windows windows(source, 1 + l);
  const std::string at = base::text("model.layers.", l, "."), self = at + "self_attn.", mlp = at + "mlp.";
  Layer layer{.index = l};
  layer.input_norm_D = windows.one(at + "input_layernorm.weight");
  layer.qkv_OD = windows.rows(self + "q_proj.weight", self + "v_proj.weight");
  if (facts.attention_bias) layer.qkv_bias_O = windows.rows(self + "q_proj.bias", self + "v_proj.bias");
  if (facts.qk_norm) {
    layer.q_norm_E = windows.one(self + "q_norm.weight");
    layer.k_norm_E = windows.one(self + "k_norm.weight");
  }
  layer.o_DO = windows.one(self + "o_proj.weight");
  layer.post_norm_D = windows.one(at + "post_attention_layernorm.weight");
  layer.gate_up_2FD = windows.rows(mlp + "gate_proj.weight", mlp + "up_proj.weight");
  layer.down_DF = windows.one(mlp + "down_proj.weight");
  return layer;
}

}  // namespace

struct Decoder::Layers {
  spec::ModelFacts facts;
  comm::Communicator* tp;
  parallel::Tokens tokens;
  std::unique_ptr<WeightSource> source;
  std::int64_t num_heads = 0, num_kv_heads = 0;  // of this rank
  spec::Range vocabulary;
  ops::Param embedding_VD, final_norm_D,
      head_VD;                      // the first in the stage that begins the model, the others where it ends
  std::vector<Layer> layers;        // of this rank
  std::vector<spec::Range> chunks;  // of `layers`
  ops::RopeTable rope;
  at::Tensor anchor;

  Layers(const spec::ModelFacts& model, std::unique_ptr<WeightSource> weights, comm::Communicator& group,
         std::int64_t num_positions, parallel::Tokens held);
  Stream embed(const at::Tensor& tokens_T) const;
  Stream run(const Layer& layer, const Stream& stream, const at::Tensor& positions_T, Attention& attention) const;
  Stream run_recomputed(const Layer& layer, const Stream& stream, const at::Tensor& positions_T,
                        Attention& attention) const;
};

Decoder::Layers::Layers(const spec::ModelFacts& model, std::unique_ptr<WeightSource> weights, comm::Communicator& group,
                        std::int64_t num_positions, parallel::Tokens held)
    : facts(model), tp(&group), tokens(held), source(std::move(weights)) {
  const c10::InferenceMode ordinary(false);  // the table and the anchor outlive the mode of whoever builds the decoder
  const std::string embedding = "model.embed_tokens.weight";
  const Unit head = facts.num_layers + 1;
  num_heads = spec::query_heads_of(facts, tp->size(), tp->rank()).size();
  num_kv_heads = spec::kv_heads_of(facts, tp->size(), tp->rank()).size();
  if (source->has(0)) {
    embedding_VD = Windows(*source, 0).one(embedding);
    vocabulary = source->values(0).shard(embedding).box.ranges[0];
  }
  for (std::int64_t l = 0; l < facts.num_layers; ++l) {
    if (!source->has(1 + l)) continue;
    const auto place = static_cast<std::int64_t>(layers.size());
    if (layers.empty() || layers.back().index != l - 1) chunks.push_back({place, place});
    layers.push_back(layer_of(facts, *source, l));
    ++chunks.back().end;
  }
  INVARIANT(!layers.empty(), "each stage of a pipeline has layers");
  if (source->has(head)) {
    const std::string name = facts.tied_embeddings ? embedding : "lm_head.weight";
    final_norm_D = Windows(*source, head).one("model.norm.weight");
    head_VD = Windows(*source, head).one(name);
    vocabulary = source->values(head).shard(name).box.ranges[0];
  }
  rope = make_rope_table(facts, num_positions > 0 ? num_positions : facts.max_position_embeddings,
                         layers.front().qkv_OD.value.device());
  if (source->gradients(1 + layers.front().index) != nullptr) anchor = at::zeros({}, at::kFloat).requires_grad_(true);
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Returns its tensors, and calls the source when their gradients have come.
struct Told : torch::autograd::Function<Told> {
  static variable_list forward(AutogradContext* context, at::TensorList tensors, WeightSource* source, Unit unit,
                               bool begins) {
    context->saved_data["source"] = reinterpret_cast<std::int64_t>(source);
    context->saved_data["unit"] = unit;
    context->saved_data["begins"] = begins;
    context->set_materialize_grads(false);
    return tensors.vec();
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    auto& source = *reinterpret_cast<WeightSource*>(context->saved_data["source"].toInt());
    const Unit unit = context->saved_data["unit"].toInt();
    context->saved_data["begins"].toBool() ? source.end_backward(unit) : source.begin_backward(unit);
    variable_list passed = gradients;
    passed.resize(passed.size() + 3);
    return passed;
  }
};

/// What stands around the use of a unit: the source is told, in the forward and again in the backward, where the use
/// ends at its beginning. Weights that are always there return what they were given.
variable_list told(WeightSource& source, Unit unit, bool begins, variable_list tensors) {
  if (!source.is_told()) return tensors;
  begins ? source.begin_forward(unit) : source.end_forward(unit);
  if (!at::GradMode::is_enabled() || !tensors.front().requires_grad()) return tensors;
  return Told::apply(at::TensorList(tensors), &source, unit, begins);
}
at::Tensor begin(WeightSource& source, Unit unit, const at::Tensor& x) { return told(source, unit, true, {x})[0]; }
at::Tensor end(WeightSource& source, Unit unit, const at::Tensor& x) { return told(source, unit, false, {x})[0]; }

Stream told(WeightSource& source, Unit unit, bool begins, const Stream& stream) {
  variable_list tensors{stream.residual_TD};
  if (stream.added_TD.defined()) tensors.push_back(stream.added_TD);
  tensors = told(source, unit, begins, std::move(tensors));
  return {tensors[0], tensors.size() > 1 ? tensors[1] : at::Tensor()};
}

}  // namespace

Stream Decoder::Layers::embed(const at::Tensor& tokens_T) const {
  const at::Tensor embedded_TD = ops::embedding(tokens_T - vocabulary.begin, embedding_VD, begin(*source, 0, anchor));
  return {end(*source, 0, parallel::sum_rows(*tp, tokens, embedded_TD, "embedding")), at::Tensor()};
}

Stream Decoder::Layers::run(const Layer& layer, const Stream& stream, const at::Tensor& positions_T,
                            Attention& attention) const {
  const std::int64_t H = num_heads, K = num_kv_heads, E = facts.head_dim;
  const double eps = facts.rms_norm_eps;

  at::Tensor residual_TD = stream.residual_TD, normed_TD;
  if (stream.added_TD.defined())
    std::tie(residual_TD, normed_TD) = ops::add_rms_norm(stream.residual_TD, stream.added_TD, layer.input_norm_D, eps);
  else
    normed_TD = ops::rms_norm(residual_TD, layer.input_norm_D, eps);

  const at::Tensor qkv = parallel::column_linear(*tp, tokens, normed_TD, layer.qkv_OD, layer.qkv_bias_O);
  const ops::Heads heads = ops::split_heads(qkv, H, K, E, layer.q_norm_E, layer.k_norm_E, eps, rope, positions_T);
  const at::Tensor o_THE = attention.attend(layer.index, heads.q_THE, heads.k_TKE, heads.v_TKE);
  const at::Tensor attended_TD =
      parallel::sum_rows(*tp, tokens, ops::linear(o_THE.flatten(1), layer.o_DO, {}), "layer.attention");

  std::tie(residual_TD, normed_TD) = ops::add_rms_norm(residual_TD, attended_TD, layer.post_norm_D, eps);
  const at::Tensor gate_up_T2F = parallel::column_linear(*tp, tokens, normed_TD, layer.gate_up_2FD, {});
  const at::Tensor fed_TD =
      parallel::sum_rows(*tp, tokens, ops::linear(ops::swiglu(gate_up_T2F), layer.down_DF, {}), "layer.feed_forward");
  return {residual_TD, fed_TD};
}

namespace {

using RunLayer = std::function<Stream(const at::Tensor& x_TD)>;

/// Keeps its input alone: the layer runs without a graph now, and again with one in the backward.
struct Recomputed : torch::autograd::Function<Recomputed> {
  struct Kept : torch::CustomClassHolder {
    RunLayer run;
  };
  static variable_list forward(AutogradContext* context, const at::Tensor& x_TD, const RunLayer& run) {
    context->save_for_backward({x_TD});
    auto kept = c10::make_intrusive<Kept>();
    kept->run = run;
    context->saved_data["run"] = c10::IValue::make_capsule(std::move(kept));
    const Stream stream = run(x_TD);
    return {stream.residual_TD, stream.added_TD};
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto kept = c10::static_intrusive_pointer_cast<Kept>(context->saved_data["run"].toCapsule());
    const at::AutoGradMode with_gradient(true);
    at::Tensor x_TD = context->get_saved_variables()[0].detach().requires_grad_(true);
    const Stream stream = kept->run(x_TD);
    torch::autograd::backward({stream.residual_TD, stream.added_TD}, gradients);
    return {x_TD.grad(), at::Tensor()};
  }
};

}  // namespace

Stream Decoder::Layers::run_recomputed(const Layer& layer, const Stream& stream, const at::Tensor& positions_T,
                                       Attention& attention) const {
  const at::Tensor x_TD = stream.added_TD.defined() ? stream.residual_TD + stream.added_TD : stream.residual_TD;
  const variable_list both =
      Recomputed::apply(x_TD, RunLayer([this, &layer, positions_T, &attention](const at::Tensor& x) {
                          return run(layer, {x, at::Tensor()}, positions_T, attention);
                        }));
  return {both[0], both[1]};
}

Decoder::Decoder(const spec::ModelFacts& facts, const weights::ShardStore& weights,
                 const weights::ShardStore* gradients, comm::Communicator& tp, std::int64_t num_positions,
                 parallel::Tokens tokens)
    : Decoder(facts, std::make_unique<ResidentWeights>(facts, weights, gradients), tp, num_positions, tokens) {}

Decoder::Decoder(const spec::ModelFacts& facts, std::unique_ptr<WeightSource> weights, comm::Communicator& tp,
                 std::int64_t num_positions, parallel::Tokens tokens)
    : layers_(std::make_unique<Layers>(facts, std::move(weights), tp, num_positions, tokens)) {}

Decoder::~Decoder() = default;

std::int64_t Decoder::num_chunks() const { return static_cast<std::int64_t>(layers_->chunks.size()); }

bool Decoder::begins_model(std::int64_t chunk) const {
  const auto first = static_cast<std::size_t>(layers_->chunks.at(static_cast<std::size_t>(chunk)).begin);
  return layers_->layers[first].index == 0;
}

bool Decoder::ends_model(std::int64_t chunk) const {
  const auto last = static_cast<std::size_t>(layers_->chunks.at(static_cast<std::size_t>(chunk)).end - 1);
  return layers_->layers[last].index == layers_->facts.num_layers - 1;
}

at::Tensor Decoder::run(std::int64_t chunk, const at::Tensor& input, const at::Tensor& positions_T,
                        Attention& attention, bool recompute) const {
  const Layers& all = *layers_;
  WeightSource& source = *all.source;
  Stream stream = begins_model(chunk) ? all.embed(input) : Stream{input, at::Tensor()};
  const bool again = recompute && at::GradMode::is_enabled() && stream.residual_TD.requires_grad();
  const spec::Range range = all.chunks[static_cast<std::size_t>(chunk)];
  for (std::int64_t place = range.begin; place < range.end; ++place) {
    const Layer& layer = all.layers[static_cast<std::size_t>(place)];
    stream = told(source, 1 + layer.index, true, stream);
    stream = again ? all.run_recomputed(layer, stream, positions_T, attention)
                   : all.run(layer, stream, positions_T, attention);
    stream = told(source, 1 + layer.index, false, stream);
  }
  if (!ends_model(chunk)) return stream.residual_TD + stream.added_TD;
  stream = told(source, all.facts.num_layers + 1, true, stream);
  const at::Tensor hidden_TD =
      ops::add_rms_norm(stream.residual_TD, stream.added_TD, all.final_norm_D, all.facts.rms_norm_eps).second;
  return parallel::gather_tokens(*all.tp, all.tokens, hidden_TD);
}

at::Tensor Decoder::hidden(const at::Tensor& tokens_T, const at::Tensor& positions_T, Attention& attention,
                           bool recompute) const {
  INVARIANT(num_chunks() == 1 && begins_model(0) && ends_model(0), "the decoder has the whole model");
  return run(0, tokens_T, positions_T, attention, recompute);
}

parallel::TokenLogprobs Decoder::logprobs(const at::Tensor& hidden_ND, const at::Tensor& targets_N, double temperature,
                                          std::int64_t chunk_tokens) const {
  const Layers& all = *layers_;
  parallel::TokenLogprobs scores =
      parallel::token_logprobs(*all.tp, hidden_ND, all.head_VD, all.vocabulary, targets_N, temperature, chunk_tokens);
  scores.logprobs_N = end(*all.source, all.facts.num_layers + 1, scores.logprobs_N);
  return scores;
}

const ops::Param& Decoder::head() const { return layers_->head_VD; }
const spec::Range& Decoder::vocabulary() const { return layers_->vocabulary; }
const spec::ModelFacts& Decoder::facts() const { return layers_->facts; }
parallel::Tokens Decoder::tokens() const { return layers_->tokens; }
std::int64_t Decoder::own_tokens(std::int64_t num_tokens) const {
  return tokens() == parallel::Tokens::cut ? num_tokens / layers_->tp->size() : num_tokens;
}
at::ScalarType Decoder::dtype() const { return layers_->layers.front().qkv_OD.value.scalar_type(); }
at::Device Decoder::device() const { return layers_->layers.front().qkv_OD.value.device(); }

bool shares_gradients(const comm::Communicator& tp, parallel::Tokens tokens, const spec::ModelFacts& facts) {
  return tp.size() > 1 && (tokens == parallel::Tokens::cut || facts.qk_norm || tp.size() > facts.num_kv_heads);
}

void sum_shared_gradients(comm::Communicator& tp, parallel::Tokens tokens, const spec::ModelFacts& facts,
                          const weights::ShardStore& gradients) {
  const bool shares_heads = tp.size() > facts.num_kv_heads, shares_norms = tokens == parallel::Tokens::cut;
  if (!shares_gradients(tp, tokens, facts)) return;
  // Each shared parameter gets its global shape in the buffer; a rank adds into the rows that it owns.
  struct Piece {
    at::Tensor grad;
    std::int64_t offset;
  };
  std::vector<Piece> pieces;
  std::int64_t length = 0;
  for (const weights::Shard& shard : gradients.shards()) {
    const spec::Parameter& parameter = shard.parameter;
    const bool is_head_norm = parameter.name.ends_with("q_norm.weight") || parameter.name.ends_with("k_norm.weight");
    if (!is_head_norm && !(shares_heads && parameter.cut == spec::Cut::kv_heads) &&
        !(shares_norms && parameter.cut == spec::Cut::replicated))
      continue;
    const std::int64_t row = parameter.numel() / parameter.shape[0];
    pieces.push_back({gradients.view(parameter.name).flatten(), length + shard.box.ranges[0].begin * row});
    length += parameter.numel();
  }
  at::Tensor sums = at::zeros({length}, gradients.flat().options().dtype(at::kFloat));
  for (const Piece& piece : pieces) sums.narrow(0, piece.offset, piece.grad.numel()).copy_(piece.grad);
  tp.all_reduce(sums, comm::Reduce::sum, "train.shared_gradients");
  for (Piece& piece : pieces) piece.grad.copy_(sums.narrow(0, piece.offset, piece.grad.numel()));
}

}  // namespace muster::model
