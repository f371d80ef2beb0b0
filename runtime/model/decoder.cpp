// A decoder put together: embedding, the layers of each chunk, final norm, head. Letters: T tokens (of the stream:
// those of this rank), D width, V vocabulary rows (cut over tp).
#include "runtime/model/decoder.h"

#include <ATen/ATen.h>

#include "runtime/base/error.h"
#include "runtime/comm/communicator.h"
#include "runtime/model/recompute.h"
#include "runtime/model/rope.h"
#include "runtime/model/unit_hooks.h"

namespace muster::model {
namespace {

/// Of a pass without tokens.
class NoAttention final : public Context {
 public:
  at::Tensor attend(std::int64_t, const at::Tensor& q_THE, const at::Tensor&, const at::Tensor&) override {
    return q_THE;
  }
};

}  // namespace

struct Decoder::Layers {
  spec::ModelFacts facts;
  comm::Communicator* tp;
  parallel::Tokens tokens;
  parallel::ExpertLayout experts;
  std::unique_ptr<WeightSource> source;
  spec::Range vocabulary;
  ops::Param embedding_VD, final_norm_D,
      head_VD;                      // the first in the stage that begins the model, the others where it ends
  std::vector<Layer> layers;        // of this rank
  std::vector<spec::Range> chunks;  // of `layers`
  ops::RopeTable rope;
  at::Tensor anchor;  // requires grad where gradients are wanted: the graph of a forward begins at it

  Layers(const spec::ModelFacts& model, std::unique_ptr<WeightSource> weights, comm::Communicator& group,
         std::int64_t num_positions, parallel::Tokens held, const parallel::ExpertLayout& layout);
  Residual embed(const at::Tensor& tokens_T) const;
  /// Of the first layer here.
  at::Tensor own_weights() const { return source->values(1 + layers.front().index()).flat(); }
};

Decoder::Layers::Layers(const spec::ModelFacts& model, std::unique_ptr<WeightSource> weights, comm::Communicator& group,
                        std::int64_t num_positions, parallel::Tokens held, const parallel::ExpertLayout& layout)
    : facts(model), tp(&group), tokens(held), experts(layout), source(std::move(weights)) {
  const c10::InferenceMode ordinary(false);  // the table and the anchor outlive the mode of whoever builds the decoder
  const std::string embedding = "model.embed_tokens.weight";
  const Unit head = facts.num_layers + 1;
  if (source->has(0)) {
    embedding_VD = UnitWindows(*source, 0).one(embedding);
    vocabulary = source->values(0).shard(embedding).box.ranges[0];
  }
  for (std::int64_t l = 0; l < facts.num_layers; ++l) {
    if (!source->has(1 + l)) continue;
    const auto place = std::ssize(layers);
    if (layers.empty() || layers.back().index() != l - 1) chunks.push_back({place, place});
    layers.emplace_back(facts, *source, l, *tp, experts);
    ++chunks.back().end;
  }
  INVARIANT(!layers.empty(), "each stage of a pipeline has layers");
  const Unit first = 1 + layers.front().index();
  if (source->has(head)) {
    const std::string name = facts.tied_embeddings ? embedding : "lm_head.weight";
    const UnitWindows windows(*source, head);
    final_norm_D = windows.one("model.norm.weight");
    head_VD = windows.one(name);
    vocabulary = source->values(head).shard(name).box.ranges[0];
  }
  rope =
      make_rope_table(facts, num_positions > 0 ? num_positions : facts.max_position_embeddings, own_weights().device());
  if (source->gradients(first) != nullptr) anchor = at::zeros({}, at::kFloat).requires_grad_(true);
}

Residual Decoder::Layers::embed(const at::Tensor& tokens_T) const {
  const at::Tensor embedded_TD =
      ops::embedding(tokens_T - vocabulary.begin, embedding_VD, begin_unit(*source, 0, anchor));
  return {end_unit(*source, 0, parallel::sum_rows(*tp, tokens, embedded_TD, "embedding")), at::Tensor()};
}

Decoder::Decoder(const spec::ModelFacts& facts, const weights::ShardStore& weights,
                 const weights::ShardStore* gradients, comm::Communicator& tp, std::int64_t num_positions,
                 parallel::Tokens tokens, const parallel::ExpertLayout& experts)
    : Decoder(facts, std::make_unique<ResidentWeights>(facts, weights, gradients), tp, num_positions, tokens, experts) {
}

Decoder::Decoder(const spec::ModelFacts& facts, std::unique_ptr<WeightSource> weights, comm::Communicator& tp,
                 std::int64_t num_positions, parallel::Tokens tokens, const parallel::ExpertLayout& experts)
    : layers_(std::make_unique<Layers>(facts, std::move(weights), tp, num_positions, tokens, experts)) {}

Decoder::~Decoder() = default;

std::int64_t Decoder::num_chunks() const { return std::ssize(layers_->chunks); }

bool Decoder::begins_model(std::int64_t chunk) const {
  const auto first = static_cast<std::size_t>(layers_->chunks.at(chunk).begin);
  return layers_->layers[first].index() == 0;
}

bool Decoder::ends_model(std::int64_t chunk) const {
  const auto last = static_cast<std::size_t>(layers_->chunks.at(chunk).end - 1);
  return layers_->layers[last].index() == layers_->facts.num_layers - 1;
}

at::Tensor Decoder::run(std::int64_t chunk, const at::Tensor& input, const at::Tensor& positions_T, Context& context,
                        spec::Recompute recompute) const {
  const Layers& all = *layers_;
  WeightSource& source = *all.source;
  const ForwardPass pass{all.facts, *all.tp, all.tokens, all.experts, all.rope, positions_T, context};
  Residual stream = begins_model(chunk) ? all.embed(input) : Residual{input, at::Tensor()};
  const spec::Range range = all.chunks[chunk];
  for (std::int64_t place = range.begin; place < range.end; ++place) {
    const Layer& layer = all.layers[place];
    stream = begin_unit(source, 1 + layer.index(), stream);
    stream = layer_forward(layer, pass, stream, recompute);
    stream = end_unit(source, 1 + layer.index(), stream);
  }
  if (!ends_model(chunk)) return stream.sum_TD + stream.addend_TD;
  stream = begin_unit(source, all.facts.num_layers + 1, stream);
  const at::Tensor hidden_TD =
      ops::add_rms_norm(stream.sum_TD, stream.addend_TD, all.final_norm_D, all.facts.rms_norm_eps).second;
  return parallel::gather_tokens(*all.tp, all.tokens, hidden_TD);
}

at::Tensor Decoder::hidden(const at::Tensor& tokens_T, const at::Tensor& positions_T, Context& context,
                           spec::Recompute recompute) const {
  INVARIANT(num_chunks() == 1 && begins_model(0) && ends_model(0), "the decoder has the whole model");
  return run(0, tokens_T, positions_T, context, recompute);
}

void Decoder::take_part() const {
  const Layers& all = *layers_;
  const at::NoGradGuard no_grad;
  const at::TensorOptions options = all.own_weights().options();
  NoAttention context;
  const ForwardPass pass{
      all.facts, *all.tp, all.tokens, all.experts, all.rope, at::empty({0}, options.dtype(at::kLong)), context};
  for (const Layer& layer : all.layers) layer.take_part(pass, at::empty({0, all.facts.hidden_size}, options));
}

parallel::TokenLogprobs Decoder::logprobs(const at::Tensor& hidden_ND, const at::Tensor& targets_N, double temperature,
                                          std::int64_t chunk_tokens) const {
  const Layers& all = *layers_;
  parallel::TokenLogprobs scores =
      parallel::token_logprobs(*all.tp, hidden_ND, all.head_VD, all.vocabulary, targets_N, temperature, chunk_tokens);
  scores.logprobs_N = end_unit(*all.source, all.facts.num_layers + 1, scores.logprobs_N);
  return scores;
}

comm::Communicator* Decoder::ep() const {
  comm::Communicator* const ep = layers_->experts.ep;
  return ep != nullptr && ep->size() > 1 ? ep : nullptr;
}

const ops::Param& Decoder::head() const { return layers_->head_VD; }
const spec::Range& Decoder::vocabulary() const { return layers_->vocabulary; }
const spec::ModelFacts& Decoder::facts() const { return layers_->facts; }
parallel::Tokens Decoder::tokens() const { return layers_->tokens; }
std::int64_t Decoder::own_tokens(std::int64_t num_tokens) const {
  return tokens() == parallel::Tokens::cut ? num_tokens / layers_->tp->size() : num_tokens;
}
at::ScalarType Decoder::dtype() const { return layers_->own_weights().scalar_type(); }
at::Device Decoder::device() const { return layers_->own_weights().device(); }

}  // namespace muster::model
