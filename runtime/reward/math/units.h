// Units behind an answer: words in \text, or bare words that are known to be units. A letter is one only where it is
// written as one: \text{m}, or a number, a blank and m; never x^2 d.
#pragma once

#include <string>
#include <string_view>

namespace muster::reward::math {

struct Measured {
  std::string text;  // without the unit
  std::string unit;  // the unit that it is known as (cm, hour, ...); empty where it is none of these
};

Measured without_unit(std::string text);

/// Both are known, and they are not one.
bool units_differ(std::string_view a, std::string_view b);

}  // namespace muster::reward::math
