// Which ranks of a side hold which part of a parameter. Ranks whose place says that they hold the same of every
// parameter are found once, so that hundreds of ranks and tens of thousands of experts are asked for in little time.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/spec/parameters.h"

namespace muster::refit {

/// A part of a parameter and the ranks of the run that hold it, in the order of their role.
struct Holding {
  spec::Box box;
  std::vector<std::int64_t> ranks;
};

class Holders {
 public:
  /// run_ranks: of each role rank. Keeps a copy of the facts.
  Holders(const spec::ModelFacts& facts, const spec::Degrees& degrees, const std::vector<std::int64_t>& run_ranks);
  /// The distinct boxes in order of their first rank. They do not overlap: a table cuts a parameter into equal parts.
  std::vector<Holding> of(const spec::Parameter& parameter) const;

 private:
  struct Alike {
    spec::Coordinates place;
    std::vector<std::int64_t> role_ranks;
  };
  spec::ModelFacts facts_;
  spec::Degrees degrees_;
  std::vector<std::int64_t> run_ranks_;
  std::vector<Alike> of_dense_, of_experts_;  // by first rank
};

}  // namespace muster::refit
