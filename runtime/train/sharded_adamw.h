// AdamW with its state cut over dp: this rank holds fp32 main weights and both moments of its 1/dp of the flat weights.
// Gradients come in by a reduce-scatter, updated weights go out by an all-gather. Where the parameters are cut over dp
// already (fsdp) the state is that of this rank's boxes, gradients come in summed, and nothing is moved.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/spec/job.h"
#include "runtime/spec/memory.h"
#include "runtime/weights/shard_store.h"

namespace muster::parallel {
class Mesh;
}

namespace muster::train {

class ShardedAdamw {
 public:
  /// Borrows `weights`, whose flat buffer is padded to a multiple of dp. Main weights are made from it as it is now;
  /// where weights are float32 they are the weights themselves. Weight decay is decoupled and acts on matrices only,
  /// not on norms and biases.
  ShardedAdamw(const spec::OptimizerJob& optimizer, const spec::ModelFacts& facts, const parallel::Mesh& mesh,
               weights::ShardStore& weights);

  /// Sums the flat float32 gradients over dp; this rank keeps its slice. collective: dp, here and below where there are
  /// slices.
  void reduce_gradients(parallel::Mesh& mesh, const at::Tensor& flat_gradients);
  /// Square of the norm of the slice, a float64 scalar. A parameter that several ranks of tp or several stages hold
  /// counts on the first of them, so that the sum over the role counts each element once.
  at::Tensor counted_square_sum() const;
  /// One update with gradients times `gradient_scale`, then every rank gets all updated weights. collective: dp.
  void update(parallel::Mesh& mesh, double lr, double gradient_scale);
  /// Forgets the moments and the count of updates; the main weights stay.
  void reset();
  /// What must be remembered to go on bit for bit: windows into this rank's slices, by name.
  std::vector<std::pair<std::string, at::Tensor>> slices() const;
  std::int64_t num_updates() const { return num_updates_; }
  /// After the slices were written from outside: the weights of every rank follow from them. collective: dp.
  void resume(parallel::Mesh& mesh, std::int64_t num_updates);
  /// The reduced gradients of all ranks, back into the flat buffer. collective: dp.
  void gather_gradients(parallel::Mesh& mesh, at::Tensor flat_gradients) const;

  /// Main weights (0 when they are the weights), moments, and the slice of gradients (0 when it is part of the flat
  /// buffer).
  spec::MemoryFigures memory() const;

 private:
  void gather_weights(parallel::Mesh& mesh);
  /// Neighbours in the slice that are treated alike.
  struct Stretch {
    std::int64_t begin = 0, length = 0;
    bool decays = false, counts = false;
  };

  spec::OptimizerJob optimizer_;
  weights::ShardStore& weights_;
  std::vector<Stretch> stretches_;
  bool slices_ = false;  // the state is a part of the flat weights
  bool main_is_weights_ = false;
  std::int64_t num_updates_ = 0;
  at::Tensor weights_n_;                    // this rank's window into the flat weights
  at::Tensor main_n_, first_n_, second_n_;  // float32
  at::Tensor own_gradients_n_;              // float32; undefined with dp 1, where the flat gradients are the slice
  at::Tensor gradients_n_;                  // float32, of the last reduce_gradients
};

}  // namespace muster::train
