#include "runtime/model/weight_source.h"

#include "runtime/base/text.h"

namespace muster::model {

std::vector<Unit> units_of(const spec::ModelFacts& facts, const spec::Parameter& parameter) {
  const Unit head = facts.num_layers + 1;
  if (parameter.layer >= 0) return {1 + parameter.layer};
  if (parameter.is_after_layers) return {head};
  return facts.tied_embeddings ? std::vector<Unit>{0, head} : std::vector<Unit>{0};
}

ResidentWeights::ResidentWeights(const spec::ModelFacts& facts, const weights::ShardStore& values,
                                 const weights::ShardStore* gradients)
    : values_(values), gradients_(gradients) {
  const auto holds_layer = [&](std::int64_t layer) {
    return values.has(base::text("model.layers.", layer, ".input_layernorm.weight"));
  };
  // A tied embedding also lies in the last stage, which does not begin with it.
  has_.push_back(values.has("model.embed_tokens.weight") && holds_layer(0));
  for (std::int64_t layer = 0; layer < facts.num_layers; ++layer) has_.push_back(holds_layer(layer));
  has_.push_back(values.has("model.norm.weight"));
}

}  // namespace muster::model
