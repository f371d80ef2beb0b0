// The way of new weights to the generator: in place, by copies where both sides lie on the rank and grouped send/recv
// otherwise.
#pragma once

#include <memory>
#include <optional>

#include "runtime/comm/communicator.h"
#include "runtime/refit/route.h"
#include "runtime/weights/shard_store.h"

namespace muster::refit {

struct RefitFigures {
  std::int64_t sent_bytes = 0;    // over all ranks, between ranks
  std::int64_t copied_bytes = 0;  // over all ranks, on a rank
  std::int64_t least_bytes = 0;   // the least that must cross between ranks
  std::int64_t checked_tensors = 0;
  double transfer_s = 0, verify_s = 0;
};

class Refit {
 public:
  /// world: every rank of the run. `trainer` is null on a rank that only generates, `generator` null on one that only
  /// trains. Borrowed. Types may differ: the sender converts to the generator's, `gen_dtype`.
  Refit(const spec::ModelFacts& facts, const RefitLayouts& layouts, comm::Communicator& world,
        const weights::ShardStore* trainer, weights::ShardStore* generator, at::ScalarType gen_dtype,
        std::int64_t bucket_bytes, bool verify);
  ~Refit();
  /// True when every target already holds exactly the trainer's bytes because its store looks into the same buffer.
  static bool can_alias(const spec::ModelFacts& facts, const RefitLayouts& layouts, at::ScalarType train_dtype,
                        at::ScalarType gen_dtype);
  /// transfer(), and verify() when asked for. collective: world. throws: Error::rank naming the tensor whose checksums
  /// differ.
  RefitFigures run();

 protected:
  /// Fills the generator's buffers. collective: world.
  void transfer(RefitFigures& figures);
  /// Compares the checksum of every tensor in every replica of both sides. collective: world. throws: Error::rank, on
  /// all ranks.
  void verify(RefitFigures& figures);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::refit
