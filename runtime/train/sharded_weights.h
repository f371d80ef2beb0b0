// Parameters cut over dp_cp (FSDP): a rank keeps its rows of every parameter, and a unit of the decoder is put together
// for the time of its use. While one is used the next is gathered, on the communicator's own stream; what was used is
// freed, gathered again in the backward, and its gradients go back in one reduce-scatter. Letters: N elements of one
// rank's rows of a unit.
#pragma once

#include <memory>
#include <vector>

#include "runtime/model/weight_source.h"
#include "runtime/parallel/mesh.h"

namespace muster::train {

class ShardedWeights final : public model::WeightSource {
 public:
  /// values: this rank's boxes, fsdp among the degrees of mesh. gradients: of the same layout, into which the
  /// sums over dp_cp are added; null where nothing is trained. Borrows all. Every rank of dp_cp makes the same calls in
  /// the same order.
  ShardedWeights(const spec::ModelFacts& facts, parallel::Mesh& mesh, const weights::ShardStore& values,
                 const weights::ShardStore* gradients);
  ~ShardedWeights() override;

  bool has(model::Unit) const override { return true; }
  const weights::ShardStore& values(model::Unit unit) const override;
  const weights::ShardStore* gradients(model::Unit unit) const override;
  bool has_hooks() const override { return true; }
  /// collective, all four: dp_cp.
  void begin_forward(model::Unit unit) override;
  void end_forward(model::Unit unit) override;
  void begin_backward(model::Unit unit) override;
  void end_backward(model::Unit unit) override;

 private:
  struct GatheredUnit;
  void gather_early(model::Unit unit);
  void finish_gather(model::Unit unit);
  void gather(model::Unit unit, model::Unit next);
  void reduce(model::Unit unit);

  parallel::Mesh& mesh_;
  const weights::ShardStore& own_values_;
  const weights::ShardStore* own_gradients_;
  std::vector<std::unique_ptr<GatheredUnit>> units_;
};

/// The weights of a decoder that lie as the degrees of mesh say: always there, or cut over dp_cp. Borrows all.
std::unique_ptr<model::WeightSource> make_weight_source(const spec::ModelFacts& facts, parallel::Mesh& mesh,
                                                        const weights::ShardStore& values,
                                                        const weights::ShardStore* gradients);

}  // namespace muster::train
