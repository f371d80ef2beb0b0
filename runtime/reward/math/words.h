// The words of mathematics that people write without LaTeX's backslash: pi, sqrt, sin.
#pragma once

#include <string>
#include <string_view>

namespace muster::reward::math {

bool is_math_word(std::string_view word);
/// A text that is a formula as it stands: digits, signs, single letters, words of mathematics, and something to
/// calculate or compare. "a prime" and "12" are none.
bool is_bare_formula(std::string_view text);
/// pi/2 -> \pi/2; words that LaTeX commands or braces hold stay.
std::string with_math_commands(const std::string& latex);

}  // namespace muster::reward::math
