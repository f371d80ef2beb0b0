// Rational functions compared by their values modulo primes: exact for integers and fractions of any size, in bounded
// work.
#pragma once

#include <optional>

#include "runtime/reward/math/tree.h"

namespace muster::reward::math {

/// Whether two rational functions of their symbols are the same, by their values modulo primes of 61 bits, the symbols
/// at pseudorandom places: unequal ones agree with a probability below 2^-100. None when a side is no rational function
/// (a root, a constant such as pi) or takes too much.
std::optional<bool> same_residues(const Expr& a, const Expr& b);

}  // namespace muster::reward::math
