#include "runtime/model/layer.h"

#include <ATen/ATen.h>

#include <utility>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::model {

namespace {

std::variant<Attention, LatentAttention> mixer_of(const UnitWindows& windows, const spec::ModelFacts& facts,
                                                  std::int64_t index, const comm::Communicator& tp) {
  const spec::Mixer mixer = spec::layer_kind(facts, index).mixer;
  INVARIANT(mixer == spec::Mixer::attention || mixer == spec::Mixer::latent_attention,
            "other kinds of layers are refused before");
  if (mixer == spec::Mixer::latent_attention) return LatentAttention(windows, facts, index, tp);
  return Attention(windows, facts, index, tp);
}

std::variant<FeedForward, Experts> feed_forward_of(const UnitWindows& windows, const spec::ModelFacts& facts,
                                                   std::int64_t index, const parallel::ExpertLayout& experts) {
  const spec::FeedForward kind = spec::layer_kind(facts, index).feed_forward;
  INVARIANT(kind != spec::FeedForward::none, "other kinds of layers are refused before");
  if (kind == spec::FeedForward::experts) return Experts(windows, facts, index, experts);
  return FeedForward(windows, base::text("model.layers.", index, ".mlp."));
}

}  // namespace

Layer::Layer(const spec::ModelFacts& facts, const WeightSource& source, std::int64_t index,
             const comm::Communicator& tp, const parallel::ExpertLayout& experts)
    : Layer(facts, UnitWindows(source, 1 + index), index, tp, experts) {}

Layer::Layer(const spec::ModelFacts& facts, const UnitWindows& windows, std::int64_t index,
             const comm::Communicator& tp, const parallel::ExpertLayout& experts)
    : index_(index),
      mixer_(mixer_of(windows, facts, index, tp)),
      feed_forward_(feed_forward_of(windows, facts, index, experts)) {
  const std::string prefix = base::text("model.layers.", index, ".");
  input_norm_D_ = windows.one(prefix + "input_layernorm.weight");
  post_norm_D_ = windows.one(prefix + "post_attention_layernorm.weight");
}

namespace {

/// The whole stream, and its norm.
std::pair<at::Tensor, at::Tensor> summed_and_normed(const ForwardPass& pass, const Residual& stream,
                                                    const ops::Param& norm_D) {
  const double eps = pass.facts.rms_norm_eps;
  if (!stream.addend_TD.defined()) return {stream.sum_TD, ops::rms_norm(stream.sum_TD, norm_D, eps)};
  return ops::add_rms_norm(stream.sum_TD, stream.addend_TD, norm_D, eps);
}

}  // namespace

Residual Layer::mixed(const ForwardPass& pass, const Residual& stream) const {
  const auto [sum_TD, normed_TD] = summed_and_normed(pass, stream, input_norm_D_);
  return {sum_TD,
          std::visit([&, &normed = normed_TD](const auto& part) { return part.forward(pass, normed); }, mixer_)};
}

Residual Layer::fed_forward(const ForwardPass& pass, const Residual& stream) const {
  const auto [sum_TD, normed_TD] = summed_and_normed(pass, stream, post_norm_D_);
  return {sum_TD,
          std::visit([&, &normed = normed_TD](const auto& part) { return part.forward(pass, normed); }, feed_forward_)};
}

void Layer::take_part(const ForwardPass& pass, const at::Tensor& nothing_0D) const {
  if (const auto* const experts = std::get_if<Experts>(&feed_forward_)) experts->forward(pass, nothing_0D);
}

}  // namespace muster::model
