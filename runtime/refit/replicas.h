// Which ranks of a side hold one whole copy of a parameter together. Checksums are compared copy by copy.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/refit/holders.h"

namespace muster::refit {

/// The replicas of one parameter on one side: replica r is held by the run ranks `ranks[r]` together.
struct Replicas {
  std::vector<std::vector<std::int64_t>> ranks;
  /// The replica that `run_rank` holds a piece of, or -1.
  std::int64_t of(std::int64_t run_rank) const;
};

/// A rank belongs to replica n when n ranks before it hold the same box.
Replicas replicas_of(const std::vector<Holding>& holdings);

}  // namespace muster::refit
