// Rational functions of one variable with rational coefficients (FLINT): the roots at which a relation can change.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/reward/math/tree.h"

namespace muster::reward::math {

/// The real roots of numerator and denominator, ascending, each once, to some 100 digits. None when `expr` is no
/// rational function of `variable`, is constant, or its degree is above kMaxDegree.
std::optional<std::vector<Rational>> critical_points(const Expr& expr, const std::string& variable);
/// Whether a = 0 and b = 0 have the same complex solutions, poles left out. None as above.
std::optional<bool> same_zeros(const Expr& a, const Expr& b, const std::string& variable);

constexpr long kMaxDegree = 40;

}  // namespace muster::reward::math
