#include "runtime/reward/math/build.h"

#include <algorithm>
#include <charconv>

#include "runtime/base/text.h"
#include "runtime/reward/math/evaluate.h"

namespace muster::reward::math {
namespace {

constexpr int kMaxPowerOfTen = 4000;

// a + (b + c) and (a + b) + c are one flat sum; the same for products.
Expr flat(Kind kind, const Expr& a, const Expr& b) {
  std::vector<Expr> args;
  for (const Expr& each : {a, b})
    if (each->kind == kind)
      args.insert(args.end(), each->args.begin(), each->args.end());
    else
      args.push_back(each);
  return make(kind, std::move(args));
}

bool is_trigonometric(const std::string& name) {
  for (const char* each : {"sin", "cos", "tan", "csc", "sec", "cot", "sinh", "cosh", "tanh"})
    if (name == each) return true;
  return false;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Expr sum_of(const Expr& a, const Expr& b) { return flat(Kind::add, a, b); }
Expr product_of(const Expr& a, const Expr& b) { return flat(Kind::multiply, a, b); }

Expr quotient_of(const Expr& a, const Expr& b) {
  if (b->kind == Kind::number && b->value.sign() == 0) return nullptr;
  if (is_integer(a) && is_integer(b)) return make_number(a->value / b->value);
  return make(Kind::multiply, {a, make(Kind::power, {b, make_number(Rational(-1, 1))})});
}

Expr side_by_side(const std::vector<Expr>& factors) {
  Expr out = factors.back();
  for (std::size_t i = factors.size() - 1; i-- > 0;) {
    const Expr& left = factors[i];
    if (is_integer(left) && out->kind == Kind::number && out->value.sign() > 0)
      out = make_number(left->value + (left->value.sign() < 0 ? -out->value : out->value));
    else
      out = product_of(left, out);
  }
  return out;
}

Expr function_of(const std::string& name, const Expr& argument, const Expr& base, const Expr& power) {
  Expr call;
  if (name == "log" || name == "ln") {
    const Expr usual = name == "ln" ? make_constant("e") : make_number(Rational(10, 1));
    call = make_call("log", {argument, base ? base : usual});
  } else if (name == "exp") {
    call = make(Kind::power, {make_constant("e"), argument});
  } else if (is_trigonometric(name) && power && power->kind == Kind::number && power->value == Rational(-1, 1)) {
    return make_call("arc" + name, {argument});
  } else if (name.starts_with("ar") && name.ends_with("h") && !name.starts_with("arc")) {
    call = make_call("arc" + name.substr(2), {argument});
  } else {
    call = make_call(name, {argument});
  }
  return power ? make(Kind::power, {call, power}) : call;
}

Expr chained(const Expr& left, const std::string& sign, const Expr& right) {
  if (left->kind == Kind::relation)
    return make(Kind::chain, {left, make(Kind::relation, {left->args[1], right}, sign)});
  if (left->kind == Kind::chain) {
    std::vector<Expr> links = left->args;
    links.push_back(make(Kind::relation, {links.back()->args[1], right}, sign));
    return make(Kind::chain, std::move(links));
  }
  return make(Kind::relation, {left, right}, sign);
}

Expr transposed(const Expr& matrix) {
  const std::size_t columns = matrix->columns, rows = matrix->args.size() / columns;
  std::vector<Expr> cells;
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t r = 0; r < rows; ++r) cells.push_back(matrix->args[r * columns + c]);
  return make_matrix(std::move(cells), rows);
}

std::vector<Expr> joined(const std::vector<std::vector<Expr>>& lists) {
  std::vector<Expr> all;
  for (const auto& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

Expr set_of_lists(const std::vector<std::vector<Expr>>& lists) {
  if (lists.size() == 1) return lists[0].size() == 1 ? lists[0][0] : make(Kind::finite_set, lists[0], kListName);
  if (std::all_of(lists.begin(), lists.end(), [](const auto& list) { return list.size() == 1; }))
    return make(Kind::finite_set, joined(lists), kListName);
  std::vector<Expr> tuples;
  for (const auto& list : lists) tuples.push_back(make(Kind::tuple, list));
  return make(Kind::finite_set, std::move(tuples));
}

Expr set_of(const Expr& expr) { return expr->kind == Kind::tuple ? make(Kind::finite_set, expr->args) : expr; }

Expr interval_or_tuple(const Expr& low, const Expr& high, bool left_open, bool right_open) {
  if (left_open == right_open)
    if (const auto order = compared(high, low); order && (*order < 0 || (*order == 0 && left_open)))
      return make(Kind::tuple, {low, high});
  return make_interval(low, high, left_open, right_open);
}

Expr named(const std::string& name, const std::string& subscript) {
  std::string full = name;
  if (!subscript.empty()) full += subscript.size() > 1 ? "_{" + subscript + "}" : "_" + subscript;
  for (char& c : full) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return full == "pi" || full == "gamma" ? make_constant(full) : make_symbol(full);
}

Expr number_of(std::string_view digits) {
  const auto value = Rational::parse(digits);
  if (!value) return nullptr;
  return digits.find('.') == std::string_view::npos ? make_number(*value) : make_decimal(*value);
}

Expr numeral(std::string_view digits, int radix) {
  Rational value;
  const std::string text(digits);
  if (radix < 2 || radix > 36 || text.size() > Rational::kMaxDigits ||
      !std::all_of(text.begin(), text.end(), [&](char c) { return is_digit(c) && c - '0' < radix; }) ||
      fmpz_set_str(fmpq_numref(value.get()), text.c_str(), radix) != 0)
    return make_symbol(base::text(digits, "_", radix));
  return make_number(value);
}

Expr scientific(std::string_view text) {
  const std::size_t mark = text.find_first_of("eE");
  const auto mantissa = Rational::parse(text.substr(0, mark));
  std::string_view digits = text.substr(mark + 1);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  int power = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), power);
  if (!mantissa || code != std::errc() || std::abs(power) > kMaxPowerOfTen) return nullptr;
  const Rational scale = *Rational::parse("1" + std::string(static_cast<std::size_t>(std::abs(power)), '0'));
  const Rational value = power < 0 ? *mantissa / scale : *mantissa * scale;
  return value.is_integer() ? make_number(value) : make_decimal(value);
}

Expr grouped_number(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at])) ++at;
  if (at == 0 || at > 3 || at == text.size() || text[at] != ',') return nullptr;
  std::string digits(text.substr(0, at));
  // Three digits behind each comma, no more: 2,1000 is a list.
  while (at + 3 < text.size() && text[at] == ',' && (at + 4 == text.size() || !is_digit(text[at + 4])) &&
         std::all_of(text.begin() + static_cast<long>(at) + 1, text.begin() + static_cast<long>(at) + 4, is_digit)) {
    digits.append(text, at + 1, 3);
    at += 4;
  }
  digits.append(text, at);
  // 0,111 is a decimal fraction as half of the world writes it.
  if (text.starts_with('0')) digits.insert(1, text.find('.') == std::string_view::npos ? "." : "");
  const Expr value = number_of(digits);
  return value && negative ? negated(value) : value;
}

}  // namespace muster::reward::math
