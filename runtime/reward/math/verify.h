// The reward `math`: is what an answer says equal to the gold answer, by the rules of Math-Verify?
#pragma once

#include <string_view>

#include "runtime/reward/math/equal.h"

namespace muster::reward::math {

/// Pure; ends soon for ordinary text. Hostile text belongs into a worker, which has limits.
bool verify(std::string_view answer, std::string_view gold, const EqualSettings& settings);

/// Whether any answer can be equal to this gold answer.
bool is_readable_gold(std::string_view gold);

}  // namespace muster::reward::math
