// LaTeX as models write it -> LaTeX that the parser reads: boxes opened, sizes and fonts dropped, units at the end
// taken off, \frac12 and its like given braces.
#pragma once

#include <string>
#include <string_view>

#include "runtime/reward/math/boxed.h"

namespace muster::reward::math {

struct Normalized {
  std::string text;
  std::string unit;   // that was taken off, where it is a known one (units.h)
  char label = '\0';  // of a choice: \textbf{(D)}\ 36 has D; a lone (D) too, which stays in the text
};
Normalized normalized(std::string_view latex, Boxes boxes);
std::string normalized_latex(std::string_view latex, Boxes boxes);

}  // namespace muster::reward::math
