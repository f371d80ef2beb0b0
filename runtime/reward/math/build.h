// How the parts of an answer are put together: what Math-Verify makes of a sum, a quotient, factors side by side, a
// function with its base and power.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/reward/math/tree.h"

namespace muster::reward::math {

Expr sum_of(const Expr& a, const Expr& b);
Expr product_of(const Expr& a, const Expr& b);
/// Exact where both are integers. Null when the divisor is 0.
Expr quotient_of(const Expr& a, const Expr& b);
/// Factors without a sign between them. 2 1/3 is a mixed number: an integer with a positive rational behind it.
Expr side_by_side(const std::vector<Expr>& factors);
/// log with its base (10 when there is none), sin^{-1} as arcsin, any other power put around the call. `base` and
/// `power` may be null.
Expr function_of(const std::string& name, const Expr& argument, const Expr& base, const Expr& power);
/// a < b, and then < c: a chain.
Expr chained(const Expr& left, const std::string& sign, const Expr& right);
Expr transposed(const Expr& matrix);

/// One list with one element is this element; several elements are a set; several lists are a set of tuples.
Expr set_of_lists(const std::vector<std::vector<Expr>>& lists);
std::vector<Expr> joined(const std::vector<std::vector<Expr>>& lists);
/// A tuple as the set of its elements; anything else as it is.
Expr set_of(const Expr& expr);
/// (3, 1) cannot be an interval: it is a tuple.
Expr interval_or_tuple(const Expr& low, const Expr& high, bool left_open, bool right_open);

/// A name with its subscript; pi and Euler's gamma are numbers.
Expr named(const std::string& name, const std::string& subscript);
/// Digits: exact without a point, to be rounded with one. Null when there are too many.
Expr number_of(std::string_view digits);
/// 110_2 is 6; digits that the base does not have make a name.
Expr numeral(std::string_view digits, int radix);
/// 1.2E-3, 1e22
Expr scientific(std::string_view text);
/// The whole text is 1,234 or -1,234,567.89; null otherwise.
Expr grouped_number(std::string_view text);

}  // namespace muster::reward::math
