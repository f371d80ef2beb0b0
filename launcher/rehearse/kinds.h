// Which ranks of a plan differ: one of each kind stands for all of its kind in a rehearsal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/spec/plan.h"

namespace muster::rehearse {

struct Kind {
  std::int64_t rank = 0;   // the first of them
  std::int64_t count = 0;  // how many
  std::string what;        // "trains stage 0 of 2 and generates"
};

/// Ranks of one kind have the same roles, the same stage and as many weights; they differ in their samples alone.
std::vector<Kind> kinds_of(const spec::Plan& plan);
/// The kind of one rank, which stands for itself.
Kind kind_of(const spec::Plan& plan, std::int64_t rank);

}  // namespace muster::rehearse
