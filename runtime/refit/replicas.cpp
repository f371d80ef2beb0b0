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

Replicas replicas_of(const spec::ModelFacts& facts, const spec::Parameter& parameter, const spec::Degrees& degrees,
                     const std::vector<std::int64_t>& run_ranks) {
  struct Held {
    spec::Box box;
    std::size_t count = 0;
  };
  std::vector<Held> boxes;
  Replicas replicas;
  for (std::size_t role_rank = 0; role_rank < run_ranks.size(); ++role_rank) {
    spec::Box box =
        spec::box_of(facts, parameter, degrees, spec::place_of(degrees, static_cast<std::int64_t>(role_rank)));
    if (box.numel() == 0) continue;
    auto found = std::find_if(boxes.begin(), boxes.end(), [&](const Held& held) { return held.box == box; });
    if (found == boxes.end()) found = boxes.insert(boxes.end(), {.box = std::move(box)});
    if (replicas.ranks.size() == found->count) replicas.ranks.emplace_back();
    replicas.ranks[found->count++].push_back(run_ranks[role_rank]);
  }
  return replicas;
}

}  // namespace muster::refit
