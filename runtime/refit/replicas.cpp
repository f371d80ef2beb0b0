#include "runtime/refit/replicas.h"

#include <algorithm>

namespace muster::refit {

std::int64_t Replicas::of(std::int64_t run_rank) const {
  for (std::size_t replica = 0; replica < ranks.size(); ++replica) {
    if (std::find(ranks[replica].begin(), ranks[replica].end(), run_rank) != ranks[replica].end())
      return static_cast<std::int64_t>(replica);
  }
  return -1;
}

Replicas replicas_of(const std::vector<Holding>& holdings) {
  Replicas replicas;
  for (const Holding& holding : holdings) {
    if (replicas.ranks.size() < holding.ranks.size()) replicas.ranks.resize(holding.ranks.size());
    for (std::size_t n = 0; n < holding.ranks.size(); ++n) replicas.ranks[n].push_back(holding.ranks[n]);
  }
  return replicas;
}

}  // namespace muster::refit
