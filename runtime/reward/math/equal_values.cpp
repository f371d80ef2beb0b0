// Equality of expressions. Numbers with a point are close to each other; rational functions have equal residues
// (residue.h); anything else has equal values in balls that are finer than the numbers in it can differ by, with
// symbols at a few rational points, of either sign, that no expression was made for.
#include <algorithm>
#include <cmath>

#include "runtime/reward/math/build.h"
#include "runtime/reward/math/equal.h"
#include "runtime/reward/math/evaluate.h"
#include "runtime/reward/math/residue.h"

namespace muster::reward::math {
namespace {

constexpr long kBits = 400;         // of a ball
constexpr long kCertainBits = 100;  // what two equal values have in common, relative to their size
constexpr double kMostBits = 30'000;
constexpr double kSymbolBits = 28;  // of the numerator and denominator of a point
constexpr int kPoints = 5;
constexpr int kNeededPoints = 2;  // where both sides have a value
constexpr std::size_t kMaxMatrixSteps = 100'000;

std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

// A number between 1/8 and 3, of a sign that differs from point to point; all positive at point 0, negative at 2.
Rational sample(const std::string& key, int point) {
  std::uint64_t hash = 1469598103934665603ULL;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  hash = mixed(hash + static_cast<std::uint64_t>(point) * 0x9e3779b97f4a7c15ULL);
  const Rational size(static_cast<long>(hash % 23'000 + 1001), 8009);
  const bool negative = point == 2 || (point % 2 == 1 && ((hash >> 40) & 1) != 0);
  return negative ? -size : size;
}

enum class Verdict { equal, different, unknown };

bool has_unknowns(const Expr& expr) {
  if (expr->kind == Kind::symbol || (expr->kind == Kind::call && expr->name.starts_with('\\'))) return true;
  return std::any_of(expr->args.begin(), expr->args.end(), has_unknowns);
}

// How many bits the numerators and denominators in an expression can make together: two values that differ at all
// differ in so many leading bits. Infinite where nobody can say.
double height_bits(const Expr& expr) {
  double sum = 0;
  for (const Expr& arg : expr->args) sum += height_bits(arg) + 1;
  switch (expr->kind) {
    case Kind::number:
    case Kind::decimal:
      return static_cast<double>(fmpq_height_bits(expr->value.get())) * 2;
    case Kind::symbol:
      return kSymbolBits;
    case Kind::percent:
      return sum + 7;
    case Kind::power: {
      const Expr& exponent = expr->args[1];
      const auto value = has_unknowns(exponent) ? 4.0 : approximate(exponent);
      return value ? height_bits(exponent) + height_bits(expr->args[0]) * std::max(1.0, std::abs(*value)) : INFINITY;
    }
    case Kind::call: {
      if (expr->name != "factorial" && expr->name != "gamma" && expr->name != "binomial") return sum + 4;
      double largest = 4;
      for (const Expr& arg : expr->args) {
        const auto value = has_unknowns(arg) ? 4.0 : approximate(arg);
        largest = std::max(largest, value ? std::abs(*value) : INFINITY);
      }
      return sum + largest * std::log2(largest);
    }
    default:
      return sum + 4;
  }
}

// Of one point, or of constants when `point` is null.
Verdict at_point(const Expr& a, const Expr& b, const Point& point, long certain_bits = kCertainBits) {
  const long bits = kBits + certain_bits - kCertainBits;
  const auto left = evaluate(a, point, bits), right = evaluate(b, point, bits);
  if (!left && !right) return Verdict::unknown;
  if (!left || !right) return Verdict::different;
  Ball difference;
  acb_sub(difference.get(), left->get(), right->get(), bits);
  if (!acb_contains_zero(difference.get())) return Verdict::different;
  mag_t size, scale;
  mag_init(size);
  mag_init(scale);
  acb_get_mag(size, difference.get());
  acb_get_mag(scale, left->get());
  mag_mul_2exp_si(scale, scale, -certain_bits);
  const bool certain = mag_cmp(size, scale) <= 0 || mag_cmp_2exp_si(size, -2 * certain_bits) < 0;
  mag_clear(size);
  mag_clear(scale);
  return certain ? Verdict::equal : Verdict::unknown;
}

// At points, or once where nothing is unknown.
Verdict by_values(const Expr& a, const Expr& b, bool unknowns, long certain_bits) {
  if (!unknowns) return at_point(a, b, nullptr, certain_bits);
  int agreed = 0;
  for (int point = 0; point < kPoints; ++point) {
    const Verdict verdict = at_point(
        a, b, [point](const std::string& key) { return sample(key, point); }, certain_bits);
    if (verdict == Verdict::different) return verdict;
    agreed += verdict == Verdict::equal ? 1 : 0;
  }
  return agreed >= kNeededPoints ? Verdict::equal : Verdict::unknown;
}

// Values that agree to some 30 digits may still be those of large numbers that differ in the last one.
bool same_value(const Expr& a, const Expr& b, bool unknowns) {
  if (by_values(a, b, unknowns, kCertainBits) != Verdict::equal) return false;
  const double height = height_bits(a) + height_bits(b);
  if (height <= kCertainBits) return true;
  if (const auto same = same_residues(a, b)) return *same;
  return height <= kMostBits && by_values(a, b, unknowns, static_cast<long>(height) + 1) == Verdict::equal;
}

// A number with a point, by itself, in hundredths, or times powers of numbers (1.6 * 10^{-19}).
bool is_decimal(const Expr& expr) {
  if (expr->kind == Kind::decimal) return true;
  if (expr->kind == Kind::percent) return is_decimal(expr->args[0]);
  if (expr->kind != Kind::multiply) return false;
  bool point = false;
  for (const Expr& arg : expr->args) {
    point = point || arg->kind == Kind::decimal;
    if (!is_number(arg) && !(arg->kind == Kind::power && is_number(arg->args[0]) && is_integer(arg->args[1])))
      return false;
  }
  return point;
}

// The number of a number or a percentage, without its sign.
Expr bare_number(const Expr& expr) {
  if (is_number(expr)) return expr;
  return expr->kind == Kind::percent && is_number(expr->args[0]) ? expr->args[0] : nullptr;
}

bool equal_scalars(const Expr& gold, const Expr& answer, const EqualSettings& settings) {
  if (same_form(gold, answer)) return true;
  const bool unknowns = has_unknowns(gold) || has_unknowns(answer);
  if (unknowns) return same_value(gold, answer, true);
  const Expr a = bare_number(gold), b = bare_number(answer);
  if ((a && a->kind == Kind::infinity) || (b && b->kind == Kind::infinity))
    return a && b && a->kind == b->kind && a->value == b->value;
  if (settings.percent && a && b && is_integer(a) && is_integer(b)) return a->value == b->value;
  // An integer is not rounded: 0.0000001 is not 0.
  if (!is_integer(gold) && !is_integer(answer) && (is_decimal(gold) || is_decimal(answer))) {
    const auto left = value_of(gold), right = value_of(answer);
    if (left && right && are_close(*left, *right, settings.decimals)) return true;
  }
  return same_value(gold, answer, false);
}

// Sums and products of matrices worked out; null when their sizes do not fit.
Expr matrix_of(const Expr& expr, std::size_t& steps);

Expr matrix_sum(const Expr& a, const Expr& b) {
  if (a->columns != b->columns || a->args.size() != b->args.size()) return nullptr;
  std::vector<Expr> cells;
  for (std::size_t i = 0; i < a->args.size(); ++i) cells.push_back(sum_of(a->args[i], b->args[i]));
  return make_matrix(std::move(cells), a->columns);
}

Expr matrix_product(const Expr& a, const Expr& b, std::size_t& steps) {
  if (a->kind != Kind::matrix || b->kind != Kind::matrix) {
    const Expr& matrix = a->kind == Kind::matrix ? a : b;
    const Expr& factor = a->kind == Kind::matrix ? b : a;
    if (matrix->kind != Kind::matrix) return product_of(a, b);
    std::vector<Expr> cells;
    for (const Expr& cell : matrix->args) cells.push_back(product_of(factor, cell));
    return make_matrix(std::move(cells), matrix->columns);
  }
  const std::size_t inner = a->columns, rows = a->args.size() / inner;
  steps += rows * inner * b->columns;
  if (b->args.size() != inner * b->columns || steps > kMaxMatrixSteps) return nullptr;
  std::vector<Expr> cells;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < b->columns; ++c) {
      Expr cell = make_number(Rational());
      for (std::size_t k = 0; k < inner; ++k)
        cell = sum_of(cell, product_of(a->args[r * inner + k], b->args[k * b->columns + c]));
      cells.push_back(cell);
    }
  return make_matrix(std::move(cells), b->columns);
}

Expr matrix_of(const Expr& expr, std::size_t& steps) {
  if (expr->kind != Kind::add && expr->kind != Kind::multiply) return expr;
  Expr all;
  for (const Expr& arg : expr->args) {
    const Expr part = matrix_of(arg, steps);
    if (!part) return nullptr;
    if (!all)
      all = part;
    else if (expr->kind == Kind::multiply)
      all = matrix_product(all, part, steps);
    else if (all->kind == Kind::matrix || part->kind == Kind::matrix)
      all = all->kind == part->kind ? matrix_sum(all, part) : nullptr;
    else
      all = sum_of(all, part);
    if (!all) return nullptr;
  }
  return all;
}

bool holds_matrix(const Expr& expr) {
  if (expr->kind == Kind::matrix) return true;
  return (expr->kind == Kind::add || expr->kind == Kind::multiply) &&
         std::any_of(expr->args.begin(), expr->args.end(), holds_matrix);
}

}  // namespace

bool equal_values(const Expr& gold, const Expr& answer, const EqualSettings& settings) {
  if (!holds_matrix(gold) && !holds_matrix(answer)) return equal_scalars(gold, answer, settings);
  std::size_t steps = 0;
  const Expr a = matrix_of(gold, steps), b = matrix_of(answer, steps);
  return a && b && a->kind == Kind::matrix && b->kind == Kind::matrix && a->columns == b->columns &&
         a->args.size() == b->args.size() &&
         std::equal(a->args.begin(), a->args.end(), b->args.begin(),
                    [&](const Expr& x, const Expr& y) { return equal_scalars(x, y, settings); });
}

}  // namespace muster::reward::math
