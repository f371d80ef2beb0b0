// Weights that are always there, with hooks around the use of a unit: sums over dp begin during the backward, and
// gathered weights are waited for unit by unit.
#pragma once

#include <functional>
#include <utility>

#include "runtime/model/weight_source.h"

namespace muster::train {

class HookedWeights final : public model::WeightSource {
 public:
  using Hook = std::function<void(model::Unit)>;
  /// Borrows the stores. `before_use`: of a unit's weights in a forward; `after_backward`: its gradients have what this
  /// micro batch adds.
  HookedWeights(const spec::ModelFacts& facts, const weights::ShardStore& values, const weights::ShardStore* gradients,
                Hook before_use, Hook after_backward)
      : weights_(facts, values, gradients),
        before_use_(std::move(before_use)),
        after_backward_(std::move(after_backward)) {}

  bool has(model::Unit unit) const override { return weights_.has(unit); }
  const weights::ShardStore& values(model::Unit unit) const override { return weights_.values(unit); }
  const weights::ShardStore* gradients(model::Unit unit) const override { return weights_.gradients(unit); }
  bool has_hooks() const override { return true; }
  void begin_forward(model::Unit unit) override { before_use_(unit); }
  void end_forward(model::Unit) override {}
  void begin_backward(model::Unit) override {}
  void end_backward(model::Unit unit) override { after_backward_(unit); }

 private:
  model::ResidentWeights weights_;
  Hook before_use_, after_backward_;
};

}  // namespace muster::train
