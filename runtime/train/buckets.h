// The flat buffers of a rank, cut into buckets that are summed or gathered over their replicas (dp_cp; of experts edp)
// in one call each: replica r owns part r of every bucket, and keeps its parts one after another.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/model/weight_source.h"
#include "runtime/spec/layout.h"

namespace muster::train {

struct Bucket {
  spec::Range flat;       // elements of the flat buffers
  spec::Range own;        // of them, this rank's
  std::int64_t kept = 0;  // where they begin in what this rank keeps
  bool of_experts = false;
};

/// Covers `length` elements, a multiple of `parts`, with buckets of at most `most` (rounded up to a multiple of
/// `parts`).
std::vector<Bucket> make_buckets(std::int64_t length, std::int64_t most, std::int64_t parts, std::int64_t part);

/// Those of a whole store: what is not of experts, whose replicas are along dp_cp, and the experts, along edp. In the
/// order of the first unit that each holds. `most`: of one bucket; where a kind has no replicas it is one bucket.
std::vector<Bucket> buckets_of(const spec::ModelFacts& facts, const weights::ShardStore& store,
                               const spec::Degrees& degrees, const spec::Coordinates& place, std::int64_t most);

/// Which buckets a unit of the decoder lies in, by unit; empty for units that are not on this rank.
std::vector<std::vector<std::size_t>> buckets_of_units(const spec::ModelFacts& facts, const weights::ShardStore& store,
                                                       const std::vector<Bucket>& buckets);

/// Sums buckets as soon as the last micro batch has left all their units, the last bucket first and each once. The
/// order is the same on every rank of dp, however many micro batches each has.
class BackwardOrder {
 public:
  /// `held`: buckets whose gradients change after the backward, so that they wait for finish().
  BackwardOrder(std::vector<std::vector<std::size_t>> buckets_of_units, std::vector<bool> held);
  void begin(std::int64_t num_batches);
  /// The backward of one micro batch has left `unit`: buckets that may be summed now.
  std::vector<std::size_t> leave(model::Unit unit);
  /// Whether all micro batches have left it.
  bool has_left(model::Unit unit) const { return batches_left_[static_cast<std::size_t>(unit)] == 0; }
  /// The buckets that are left.
  std::vector<std::size_t> finish();

 private:
  std::vector<std::vector<std::size_t>> buckets_of_units_;
  std::vector<bool> held_;
  std::vector<std::int64_t> batches_left_;  // by unit
  std::vector<std::int64_t> units_left_;    // by bucket
  std::size_t next_ = 0;                    // buckets below it wait
};

}  // namespace muster::train
