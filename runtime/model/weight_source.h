// Where a decoder finds its weights and leaves its gradients. A decoder asks for them unit by unit, around their use in
// a forward and in a backward pass, and does not know whether they are always there or brought together for the moment.
#pragma once

#include <cstdint>

#include "runtime/spec/parameters.h"
#include "runtime/weights/shard_store.h"

namespace muster::model {

/// Parameters that are used together: 0 is the embedding, 1 + l is layer l, 1 + num_layers the final norm and the head
/// (where they are tied the embedding belongs to both).
using Unit = std::int64_t;

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  /// A pipeline's stage has some of the units.
  virtual bool has(Unit unit) const = 0;
  /// Stores that hold at least the parameters of the unit. Their windows stay the same; what they show is there between
  /// the calls below. gradients: null where there are none; what a backward adds to them is kept.
  virtual const weights::ShardStore& values(Unit unit) const = 0;
  virtual const weights::ShardStore* gradients(Unit unit) const = 0;

  /// Whether the calls below are made, around each use of a unit. Weights that are always there need none.
  virtual bool has_hooks() const = 0;
  virtual void begin_forward(Unit unit) = 0;
  virtual void end_forward(Unit unit) = 0;
  virtual void begin_backward(Unit unit) = 0;
  virtual void end_backward(Unit unit) = 0;
};

/// All units in one store, always there.
class ResidentWeights final : public WeightSource {
 public:
  /// Borrows both; `gradients` may be null.
  ResidentWeights(const spec::ModelFacts& facts, const weights::ShardStore& values,
                  const weights::ShardStore* gradients);
  bool has(Unit unit) const override { return has_.at(unit); }
  const weights::ShardStore& values(Unit) const override { return values_; }
  const weights::ShardStore* gradients(Unit) const override { return gradients_; }
  bool has_hooks() const override { return false; }
  void begin_forward(Unit) override {}
  void end_forward(Unit) override {}
  void begin_backward(Unit) override {}
  void end_backward(Unit) override {}

 private:
  const weights::ShardStore& values_;
  const weights::ShardStore* gradients_;
  std::vector<bool> has_;
};

/// The units of a parameter: one, or two for a tied embedding.
std::vector<Unit> units_of(const spec::ModelFacts& facts, const spec::Parameter& parameter);

}  // namespace muster::model
