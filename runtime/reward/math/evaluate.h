// The value of an expression as a ball of complex numbers (Arb): everything decided here is certain to the width of the
// ball.
#pragma once

#include <acb.h>

#include <functional>
#include <optional>
#include <string>

#include "runtime/reward/math/tree.h"

namespace muster::reward::math {

/// Owns one acb_t.
class Ball {
 public:
  Ball() { acb_init(value_); }
  ~Ball() { acb_clear(value_); }
  Ball(const Ball& other) : Ball() { acb_set(value_, other.value_); }
  Ball& operator=(const Ball& other) {
    acb_set(value_, other.value_);
    return *this;
  }
  acb_struct* get() { return value_; }
  const acb_struct* get() const { return value_; }

 private:
  acb_t value_;
};

/// The value of a symbol, or of a call of a function that is the answer's own (its key is text_of the call).
using Point = std::function<Rational(const std::string& key)>;

/// None when the expression has no value there (a pole, a matrix, an unknown operation) or takes too much.
std::optional<Ball> evaluate(const Expr& expr, const Point& point, long bits);
/// Without symbols. None when there is one.
std::optional<Ball> evaluate_constant(const Expr& expr, long bits);

/// Order of two real constants: negative, 0, positive. 0 means equal in some 100 digits
/// of the larger. Infinities are in order.
std::optional<int> compared(const Expr& a, const Expr& b);
/// The value of a real constant: exact for numbers and their percentages, else to some 75 digits.
std::optional<Rational> value_of(const Expr& expr);
/// A real constant as a double, for what only needs an order of magnitude.
std::optional<double> approximate(const Expr& expr);

}  // namespace muster::reward::math
