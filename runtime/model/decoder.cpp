// The layers of a decoder in reading order. Letters: T tokens, D width, H query heads and K key/value heads (cut over
// tp), E head width, F feed-forward width (cut over tp), V vocabulary rows (cut over tp).
#include "runtime/model/decoder.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/comm/communicator.h"
#include "runtime/model/rope.h"
#include "runtime/parallel/tensor.h"

namespace muster::model {
namespace {

/// The stream between layers: what is summed already, and what the last layer adds to it (undefined before the first).
struct Stream {
  at::Tensor residual_TD, added_TD;
};

struct Layer {
  ops::Param input_norm_D, qkv_OD, qkv_bias_O, q_norm_E, k_norm_E, o_DO, post_norm_D, gate_up_2FD, down_DF;
};

/// Finds weights and the places of their gradients by name.
class Windows {
 public:
  Windows(const weights::ShardStore& values, const weights::ShardStore* gradients)
      : values_(values), gradients_(gradients) {}
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

}  // namespace

struct Decoder::Layers {
  spec::ModelFacts facts;
  comm::Communicator* tp;
  const weights::ShardStore* gradients;
  std::int64_t num_heads = 0, num_kv_heads = 0;  // of this rank
  spec::Range vocabulary;
  ops::Param embedding_VD, final_norm_D, head_VD;
  std::vector<Layer> layers;
  ops::RopeTable rope;
  at::Tensor anchor;

  Layers(const spec::ModelFacts& model, const weights::ShardStore& values, const weights::ShardStore* grads,
         comm::Communicator& group, std::int64_t num_positions);
  Stream run(std::size_t index, const Stream& stream, const at::Tensor& positions_T, Attention& attention) const;
  Stream run_recomputed(std::size_t index, const Stream& stream, const at::Tensor& positions_T,
                        Attention& attention) const;
};

Decoder::Layers::Layers(const spec::ModelFacts& model, const weights::ShardStore& values,
                        const weights::ShardStore* grads, comm::Communicator& group, std::int64_t num_positions)
    : facts(model), tp(&group), gradients(grads) {
  const c10::InferenceMode ordinary(false);  // the table and the anchor outlive the mode of whoever builds the decoder
  const Windows windows(values, grads);
  const std::string embedding = "model.embed_tokens.weight",
                    head = facts.tied_embeddings ? embedding : "lm_head.weight";
  num_heads = spec::query_heads_of(facts, tp->size(), tp->rank()).size();
  num_kv_heads = spec::kv_heads_of(facts, tp->size(), tp->rank()).size();
  vocabulary = values.shard(head).box.ranges[0];
  embedding_VD = windows.one(embedding);
  head_VD = windows.one(head);
  final_norm_D = windows.one("model.norm.weight");
  for (std::int64_t l = 0; l < facts.num_layers; ++l) {
    const std::string at = base::text("model.layers.", l, "."), self = at + "self_attn.", mlp = at + "mlp.";
    Layer layer;
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
    layers.push_back(std::move(layer));
  }
  rope =
      make_rope_table(facts, num_positions > 0 ? num_positions : facts.max_position_embeddings, values.flat().device());
  if (gradients != nullptr) anchor = at::zeros({}, at::kFloat).requires_grad_(true);
}

Stream Decoder::Layers::run(std::size_t index, const Stream& stream, const at::Tensor& positions_T,
                            Attention& attention) const {
  const Layer& layer = layers[index];
  const std::int64_t T = stream.residual_TD.size(0), H = num_heads, K = num_kv_heads, E = facts.head_dim;
  const double eps = facts.rms_norm_eps;

  at::Tensor residual_TD = stream.residual_TD, normed_TD;
  if (stream.added_TD.defined())
    std::tie(residual_TD, normed_TD) = ops::add_rms_norm(stream.residual_TD, stream.added_TD, layer.input_norm_D, eps);
  else
    normed_TD = ops::rms_norm(residual_TD, layer.input_norm_D, eps);

  const at::Tensor qkv = ops::linear(parallel::enter_columns(*tp, normed_TD), layer.qkv_OD, layer.qkv_bias_O);
  const ops::Heads heads = ops::split_heads(qkv, H, K, E, layer.q_norm_E, layer.k_norm_E, eps, rope, positions_T);
  const at::Tensor o_THE = attention.attend(static_cast<std::int64_t>(index), heads.q_THE, heads.k_TKE, heads.v_TKE);
  const at::Tensor attended_TD =
      parallel::sum_rows(*tp, ops::linear(o_THE.reshape({T, H * E}), layer.o_DO, {}), "layer.attention");

  std::tie(residual_TD, normed_TD) = ops::add_rms_norm(residual_TD, attended_TD, layer.post_norm_D, eps);
  const at::Tensor gate_up_T2F = ops::linear(parallel::enter_columns(*tp, normed_TD), layer.gate_up_2FD, {});
  const at::Tensor fed_TD =
      parallel::sum_rows(*tp, ops::linear(ops::swiglu(gate_up_T2F), layer.down_DF, {}), "layer.feed_forward");
  return {residual_TD, fed_TD};
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
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

Stream Decoder::Layers::run_recomputed(std::size_t index, const Stream& stream, const at::Tensor& positions_T,
                                       Attention& attention) const {
  const at::Tensor x_TD = stream.added_TD.defined() ? stream.residual_TD + stream.added_TD : stream.residual_TD;
  const variable_list both =
      Recomputed::apply(x_TD, RunLayer([this, index, positions_T, &attention](const at::Tensor& x) {
                          return run(index, {x, at::Tensor()}, positions_T, attention);
                        }));
  return {both[0], both[1]};
}

Decoder::Decoder(const spec::ModelFacts& facts, const weights::ShardStore& weights,
                 const weights::ShardStore* gradients, comm::Communicator& tp, std::int64_t num_positions)
    : layers_(std::make_unique<Layers>(facts, weights, gradients, tp, num_positions)) {}

Decoder::~Decoder() = default;

at::Tensor Decoder::hidden(const at::Tensor& tokens_T, const at::Tensor& positions_T, Attention& attention,
                           bool recompute) const {
  const Layers& all = *layers_;
  const at::Tensor embedded_TD = ops::embedding(tokens_T - all.vocabulary.begin, all.embedding_VD, all.anchor);
  Stream stream{parallel::sum_rows(*all.tp, embedded_TD, "embedding"), at::Tensor()};
  const bool again = recompute && at::GradMode::is_enabled() && stream.residual_TD.requires_grad();
  for (std::size_t index = 0; index < all.layers.size(); ++index)
    stream = again ? all.run_recomputed(index, stream, positions_T, attention)
                   : all.run(index, stream, positions_T, attention);
  return ops::add_rms_norm(stream.residual_TD, stream.added_TD, all.final_norm_D, all.facts.rms_norm_eps).second;
}

void Decoder::sum_shared_gradients() const {
  const Layers& all = *layers_;
  const bool shares_heads = all.tp->size() > all.facts.num_kv_heads;
  if (all.tp->size() == 1 || all.gradients == nullptr || !(all.facts.qk_norm || shares_heads)) return;
  // Each shared parameter gets its global shape in the buffer; a rank adds into the rows that it owns.
  struct Piece {
    at::Tensor grad;
    std::int64_t offset;
  };
  std::vector<Piece> pieces;
  std::int64_t length = 0;
  for (const weights::Shard& shard : all.gradients->shards()) {
    const spec::Parameter& parameter = shard.parameter;
    const bool is_head_norm = parameter.name.ends_with("q_norm.weight") || parameter.name.ends_with("k_norm.weight");
    if (!is_head_norm && !(shares_heads && parameter.cut == spec::Cut::kv_heads)) continue;
    const std::int64_t row = parameter.numel() / parameter.shape[0];
    pieces.push_back({all.gradients->view(parameter.name).flatten(), length + shard.box.ranges[0].begin * row});
    length += parameter.numel();
  }
  at::Tensor sums = at::zeros({length}, all.gradients->flat().options().dtype(at::kFloat));
  for (const Piece& piece : pieces) sums.narrow(0, piece.offset, piece.grad.numel()).copy_(piece.grad);
  all.tp->all_reduce(sums, comm::Reduce::sum, "train.shared_gradients");
  for (Piece& piece : pieces) piece.grad.copy_(sums.narrow(0, piece.offset, piece.grad.numel()));
}

const ops::Param& Decoder::head() const { return layers_->head_VD; }
const spec::Range& Decoder::vocabulary() const { return layers_->vocabulary; }
const spec::ModelFacts& Decoder::facts() const { return layers_->facts; }

}  // namespace muster::model
