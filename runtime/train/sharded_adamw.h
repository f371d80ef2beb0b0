// AdamW with its state cut over dp_cp, of experts over edp: this rank holds fp32 main weights and both moments of its
// share of the flat weights. Gradients come in by a reduce-scatter, updated weights go out by an all-gather. Where the
// parameters are cut over dp already (fsdp) the state is that of this rank's boxes, gradients come in summed, and
// nothing is moved.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/device/stream.h"
#include "runtime/spec/job.h"
#include "runtime/spec/memory.h"
#include "runtime/train/adamw.h"
#include "runtime/train/buckets.h"
#include "runtime/weights/shard_store.h"

namespace muster::parallel {
class Mesh;
}

namespace muster::train {

class ShardedAdamw {
 public:
  /// Borrows `weights`, whose flat buffer is padded to spec::replica_multiple. Main weights are made from it as it is
  /// now; where weights are float32 they are the weights themselves. Weight decay is decoupled and acts on matrices
  /// only, not on norms and biases. `bucket_elements`: of the flat buffer, in one call. freeze_routers: they
  /// stay as they are, and count in no norm.
  ShardedAdamw(const spec::OptimizerJob& optimizer, const spec::ModelFacts& facts, const parallel::Mesh& mesh,
               weights::ShardStore& weights, std::int64_t bucket_elements, bool freeze_routers = false);

  /// One of each kind where there are no slices.
  const std::vector<Bucket>& buckets() const { return buckets_; }
  /// The flat gradients, float32 or bfloat16, are summed over dp_cp bucket by bucket, each once and in the same order
  /// on all ranks; this rank keeps its parts in float32. An update
  /// puts in the whole gradients once, and its part of the weights once. `overlaps`: what the caller computes next does
  /// not wait. collective: dp_cp, here and below where there are slices.
  void begin_reduction(const at::Tensor& flat_gradients);
  void reduce(parallel::Mesh& mesh, std::size_t bucket, bool overlaps);
  void finish_reduction();
  /// Square of the norm of the slice, a float64 scalar. A parameter that several ranks of tp or several stages hold
  /// counts on the first of them, so that the sum over the role counts each element once.
  at::Tensor counted_square_sum() const;
  /// One update with gradients times `gradient_scale`, bucket by bucket; every rank gets all updated weights, with
  /// `overlaps` once it has waited for their buckets. collective: dp_cp.
  void update(parallel::Mesh& mesh, double lr, double gradient_scale, bool overlaps);
  /// The caller's stream waits for the weights of a bucket; of all.
  void wait_for(std::size_t bucket);
  void wait_for_all();
  /// Forgets the moments and the count of updates; the main weights stay.
  void reset();
  /// What must be remembered to go on bit for bit: windows into this rank's slices, by name.
  std::vector<std::pair<std::string, at::Tensor>> slices() const;
  std::int64_t num_updates() const { return num_updates_; }
  /// After the slices were written from outside: the weights of every rank follow from them. collective: dp_cp.
  void resume(parallel::Mesh& mesh, std::int64_t num_updates);
  /// The reduced gradients of all ranks, back into the flat buffer. collective: dp_cp.
  void gather_gradients(parallel::Mesh& mesh, at::Tensor flat_gradients) const;

  /// Main weights (none when they are the weights), moments, and the slice of gradients (none when it is the flat
  /// buffer), by owner.
  std::vector<std::pair<spec::MemoryOwner, at::Tensor>> buffers() const;

 private:
  /// Neighbours in the slice that are treated alike.
  struct Segment {
    std::size_t bucket = 0;
    std::int64_t begin = 0, length = 0;  // in what this rank keeps
    bool decays = false, counts = false;
  };

  /// The state of the bucket is a part of its weights.
  bool is_sliced(const Bucket& bucket) const { return bucket.own.size() < bucket.flat.size(); }
  /// Where the reduced gradients of a bucket's part lie in own_gradients_n_.
  at::Tensor reduced_part(const Bucket& bucket) const;
  void update_segment(const Segment& segment, const AdamwFactors& factors);
  /// Float32, of elements of a segment.
  at::Tensor kept_gradients(const Segment& segment, std::int64_t begin, std::int64_t length) const;
  void gather_weights(parallel::Mesh& mesh, std::size_t bucket);
  /// Float32 weights are their own main weights.
  bool main_is_weights() const { return !main_n_.defined(); }

  spec::OptimizerJob optimizer_;
  weights::ShardStore& weights_;
  std::vector<Segment> segments_;
  std::int64_t dense_unsliced_ = 0;  // kept elements before the experts' that have no reduced gradients
  std::int64_t num_updates_ = 0;
  std::vector<Bucket> buckets_;
  at::Tensor main_n_;                 // float32; undefined where the weights are the main weights
  at::Tensor first_n_, second_n_;     // float32
  at::Tensor own_gradients_n_;        // float32, of what is sliced; the flat gradients of all else are kept whole
  at::Tensor flat_gradients_;         // of the last reduction
  std::vector<at::Tensor> arriving_;  // by bucket: sums in bfloat16 on their way into own_gradients_n_
  std::vector<device::Event> summed_, gathered_;  // by bucket: empty where nothing overlaps
};

}  // namespace muster::train
