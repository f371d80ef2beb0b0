// The weights of one rank: one flat buffer that holds the box of every parameter that the rank owns, in the order of
// spec::parameters_of, but routed experts behind all else: their replicas are others. A view is a window into it, and
// neighbours with the same columns are one fused matrix. A second store of the same layout holds gradients; the
// optimizer works on the flat buffers; loading, saving and refit work on names and boxes.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/spec/job.h"
#include "runtime/spec/parameters.h"

namespace muster::weights {

/// One parameter's piece on this rank.
struct Shard {
  spec::Parameter parameter;
  spec::Box box;            // which part of the global tensor
  std::int64_t offset = 0;  // of its first element in the flat buffer
  std::int64_t numel = 0;
};

/// The layout alone: what lies where. Empty shards (of other pipeline stages) are left out. The experts begin at a
/// multiple of spec::replica_multiple.
std::vector<Shard> shards_of(const spec::ModelFacts& facts, const spec::Degrees& degrees,
                             const spec::Coordinates& place);

/// The type in which tensors hold what a job calls `dtype`: fp32 or bf16. FP8 is refused before weights are made.
at::ScalarType scalar_type_of(spec::DataType dtype);

class ShardStore {
 public:
  /// Allocates zeros. `padded_to`: the flat buffer's length is rounded up to a multiple (so that replicas cut it
  /// evenly).
  ShardStore(std::vector<Shard> shards, at::ScalarType dtype, at::Device device, std::int64_t padded_to = 1);
  /// Looks into an existing flat buffer of the right length (a generator that reads the trainer's bytes).
  ShardStore(std::vector<Shard> shards, at::Tensor flat);

  const at::Tensor& flat() const { return flat_; }
  const std::vector<Shard>& shards() const { return shards_; }
  /// Where the experts begin in the flat buffer; its length where there are none.
  std::int64_t experts_begin() const;
  const Shard& shard(const std::string& name) const;  // INVARIANT when unknown
  bool has(const std::string& name) const { return index_.contains(name); }
  /// A window of the box's shape. Writing to it writes the store.
  at::Tensor view(const std::string& name) const;
  /// Rows of `first` .. `last` (neighbours, same columns) as one matrix [sum of rows, columns], or one vector for
  /// biases.
  at::Tensor fused(const std::string& first, const std::string& last) const;

 private:
  std::vector<Shard> shards_;
  std::unordered_map<std::string, std::size_t> index_;
  at::Tensor flat_;
};

}  // namespace muster::weights
