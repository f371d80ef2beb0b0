// LaTeX as models write it -> LaTeX that the parser reads: boxes opened, sizes and fonts dropped, units at the end
// taken off, \frac12 and its like given braces.
#pragma once

#include <string>
#include <string_view>

#include "runtime/reward/math/boxed.h"

namespace muster::reward::math {

std::string normalized_latex(std::string_view latex, Boxes boxes);

}  // namespace muster::reward::math
