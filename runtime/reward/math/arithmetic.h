// Arithmetic in running text: 3/4, 2*(3 + 4), 2^10.
#pragma once

#include <string_view>

#include "runtime/reward/math/tree.h"

namespace muster::reward::math {

/// Null when the text is not digits, + - * / ^ ** and parentheses, put together as they should be.
Expr parse_arithmetic(std::string_view text);
/// A number, a fraction or power of two, a number times a power of ten: what needs no calculation.
bool is_plain_value(const Expr& expr);

}  // namespace muster::reward::math
