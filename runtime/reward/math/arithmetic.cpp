#include "runtime/reward/math/arithmetic.h"

#include "runtime/reward/math/build.h"

namespace muster::reward::math {
namespace {

constexpr int kMaxDepth = 200;

class Arithmetic {
 public:
  explicit Arithmetic(std::string_view text) : text_(text) {}
  Expr whole() {
    const Expr value = sum();
    skip_spaces();
    return at_ == text_.size() ? value : nullptr;
  }

 private:
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool take(std::string_view sign) {
    skip_spaces();
    if (text_.substr(at_, sign.size()) != sign) return false;
    at_ += sign.size();
    return true;
  }

  Expr sum() {
    Expr left = product();
    while (left) {
      const bool plus = take("+");
      if (!plus && !take("-")) return left;
      const Expr right = product();
      left = right ? (plus ? sum_of(left, right) : difference_of(left, right)) : nullptr;
    }
    return left;
  }
  Expr product() {
    Expr left = unary();
    while (left) {
      const bool divided = take("/");
      if (!divided && (is_power() || !take("*"))) return left;
      const Expr right = unary();
      left = right ? (divided ? quotient_of(left, right) : product_of(left, right)) : nullptr;
    }
    return left;
  }
  bool is_power() {
    skip_spaces();
    return text_.substr(at_, 2) == "**";
  }
  Expr unary() {
    if (++depth_ > kMaxDepth) throw TooMuch{};
    Expr value;
    if (take("-")) {
      value = unary();
      if (value) value = negated(value);
    } else if (take("+")) {
      value = unary();
    } else {
      value = power();
    }
    --depth_;
    return value;
  }
  Expr power() {
    const Expr base = atom();
    if (!base || (!take("**") && !take("^"))) return base;
    const Expr exponent = unary();
    return exponent ? make(Kind::power, {base, exponent}) : nullptr;
  }
  Expr atom() {
    if (take("(")) {
      const Expr inner = sum();
      return inner && take(")") ? inner : nullptr;
    }
    skip_spaces();
    std::size_t end = at_;
    while (end < text_.size() && ((text_[end] >= '0' && text_[end] <= '9') || text_[end] == '.')) ++end;
    const std::string_view digits = text_.substr(at_, end - at_);
    at_ = end;
    return number_of(digits);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Expr parse_arithmetic(std::string_view text) try { return Arithmetic(text).whole(); } catch (const TooMuch&) {
  return nullptr;
}

bool is_plain_value(const Expr& expr) {
  if (is_number(expr)) return true;
  if (expr->kind == Kind::power) return is_plain_value(expr->args[0]) && is_plain_value(expr->args[1]);
  if (expr->kind != Kind::multiply || expr->args.size() != 2) return false;
  const Expr& below = expr->args[1];
  // 6.02 * 10^23
  if (below->kind == Kind::power && is_integer(below->args[0]) && below->args[0]->value == Rational(10, 1))
    return is_number(expr->args[0]) && is_integer(below->args[1]);
  return is_plain_value(expr->args[0]) &&
         (is_number(below) || (below->kind == Kind::power && is_number(below->args[0]) && is_number(below->args[1]) &&
                               below->args[1]->value == Rational(-1, 1)));
}

}  // namespace muster::reward::math
