#include "runtime/chat/arithmetic.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/chat/unicode.h"

namespace muster::chat {
namespace {

[[noreturn]] void fail(const std::string& what) { throw Error::user({.what = what}); }
[[noreturn]] void fail_large() { fail("a whole number does not fit into 64 bits"); }
[[noreturn]] void fail_zero() { fail("a division by zero"); }

Value number(std::int64_t value) { return Value::Content(value); }
Value number(double value) { return Value::Content(value); }

std::int64_t floor_divided(std::int64_t a, std::int64_t b) {
  if (b == 0) fail_zero();
  if (b == -1) {
    if (a == INT64_MIN) fail_large();
    return -a;
  }
  return a / b - ((a % b != 0 && (a % b < 0) != (b < 0)) ? 1 : 0);
}

Value power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) fail_zero();
    return number(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  if (base == 0 || base == 1) return number(exponent == 0 ? 1 : base);
  if (base == -1) return number(exponent % 2 == 0 ? std::int64_t{1} : std::int64_t{-1});
  std::int64_t made = 1;
  for (; exponent > 0; --exponent)  // at most 63 times, since |base| > 1
    if (__builtin_mul_overflow(made, base, &made)) fail_large();
  return number(made);
}

Value of_whole(char sign, bool doubled, std::int64_t a, std::int64_t b) {
  std::int64_t made = 0;
  switch (sign) {
    case '+':
      if (__builtin_add_overflow(a, b, &made)) fail_large();
      return number(made);
    case '-':
      if (__builtin_sub_overflow(a, b, &made)) fail_large();
      return number(made);
    case '*':
      if (doubled) return power(a, b);
      if (__builtin_mul_overflow(a, b, &made)) fail_large();
      return number(made);
    case '/':
      if (doubled) return number(floor_divided(a, b));
      if (b == 0) fail_zero();
      return number(static_cast<double>(a) / static_cast<double>(b));
    default:
      if (b == -1) return number(std::int64_t{0});
      return number(a - floor_divided(a, b) * b);
  }
}

Value of_real(char sign, bool doubled, double a, double b) {
  switch (sign) {
    case '+':
      return number(a + b);
    case '-':
      return number(a - b);
    case '*':
      return number(doubled ? std::pow(a, b) : a * b);
    case '/':
      if (b == 0) fail_zero();
      return number(doubled ? std::floor(a / b) : a / b);
    default:
      if (b == 0) fail_zero();
      return number(a - std::floor(a / b) * b);
  }
}

Value added_texts(const Text& left, const Text& right, Budget& budget) {
  if (left.safe == right.safe) return Value::text(*left.text + *right.text, budget, left.safe);
  budget.bytes(static_cast<std::int64_t>(left.text->size() + right.text->size()) * 5);
  return Value::text(left.safe ? *left.text + escaped_html(*right.text) : escaped_html(*left.text) + *right.text,
                     budget, true);
}

Value repeated(const Value& value, std::int64_t times, Budget& budget) {
  times = std::max<std::int64_t>(times, 0);
  const std::string* text = value.as_text();
  const auto size = static_cast<std::int64_t>(text ? text->size() : value.as_list()->size() * sizeof(Value));
  if (size > 0 && times > Budget::kBytes / size) budget.bytes(Budget::kBytes + 1);
  budget.bytes(size * times);
  if (size == 0) return value;
  if (text) {
    std::string made;
    for (std::int64_t i = 0; i < times; ++i) made += *text;
    return Value::text(std::move(made), budget);
  }
  List made;
  for (std::int64_t i = 0; i < times; ++i) made.insert(made.end(), value.as_list()->begin(), value.as_list()->end());
  return Value::list(std::move(made), budget, value.as<Sequence>()->kind);
}

}  // namespace

Value arithmetic(const std::string& sign, const Value& left, const Value& right, Budget& budget) {
  for (const Value* value : {&left, &right})
    if (const auto* undefined = value->as<Undefined>()) fail(*undefined->what);
  if (left.is_whole() && right.is_whole()) return of_whole(sign[0], sign.size() > 1, left.whole(), right.whole());
  if (left.is_number() && right.is_number()) return of_real(sign[0], sign.size() > 1, left.real(), right.real());
  if (sign == "+" && left.as_text() && right.as_text()) return added_texts(*left.as<Text>(), *right.as<Text>(), budget);
  const Sequence *ours = left.as<Sequence>(), *theirs = right.as<Sequence>();
  if (sign == "+" && ours && theirs && ours->kind == theirs->kind && !left.is_generator()) {
    List made = *ours->items;
    budget.bytes(static_cast<std::int64_t>(made.size() * sizeof(Value)));
    made.insert(made.end(), theirs->items->begin(), theirs->items->end());
    return Value::list(std::move(made), budget, ours->kind);
  }
  const auto repeats = [](const Value& value) { return value.as_text() || (value.as_list() && !value.is_generator()); };
  if (sign == "*" && repeats(left) && right.is_whole()) return repeated(left, right.whole(), budget);
  if (sign == "*" && left.is_whole() && repeats(right)) return repeated(right, left.whole(), budget);
  fail(base::text("'", sign, "' is not supported between ", left.type_name(), " and ", right.type_name()));
}

Value negative(const Value& value) {
  if (value.is_whole()) {
    if (value.whole() == INT64_MIN) fail_large();
    return number(-value.whole());
  }
  if (value.is_number()) return number(-value.real());
  if (const auto* undefined = value.as<Undefined>()) fail(*undefined->what);
  fail(base::text("'-' is not supported for ", value.type_name()));
}

}  // namespace muster::chat
