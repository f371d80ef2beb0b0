#include "runtime/model/layer.h"

#include <ATen/ATen.h>

#include <tuple>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::model {

Layer::Layer(const spec::ModelFacts& facts, const WeightSource& source, std::int64_t index,
             const comm::Communicator& tp)
    : Layer(facts, UnitWindows(source, 1 + index), index, tp) {}

Layer::Layer(const spec::ModelFacts& facts, const UnitWindows& windows, std::int64_t index,
             const comm::Communicator& tp)
    : index_(index), attention_(windows, facts, index, tp), feed_forward_(windows, index) {
  INVARIANT((spec::layer_kind(facts, index) == spec::LayerKind{spec::Mixer::attention, spec::FeedForward::dense}),
            "other kinds of layers are refused before");
  const std::string prefix = base::text("model.layers.", index, ".");
  input_norm_D_ = windows.one(prefix + "input_layernorm.weight");
  post_norm_D_ = windows.one(prefix + "post_attention_layernorm.weight");
}

Residual Layer::forward(const ForwardPass& pass, const Residual& stream) const {
  const double eps = pass.facts.rms_norm_eps;
  at::Tensor sum_TD = stream.sum_TD, normed_TD;
  if (stream.addend_TD.defined())
    std::tie(sum_TD, normed_TD) = ops::add_rms_norm(stream.sum_TD, stream.addend_TD, input_norm_D_, eps);
  else
    normed_TD = ops::rms_norm(sum_TD, input_norm_D_, eps);
  const at::Tensor mixed_TD = attention_.forward(pass, normed_TD);
  std::tie(sum_TD, normed_TD) = ops::add_rms_norm(sum_TD, mixed_TD, post_norm_D_, eps);
  return {sum_TD, feed_forward_.forward(pass, normed_TD)};
}

}  // namespace muster::model
