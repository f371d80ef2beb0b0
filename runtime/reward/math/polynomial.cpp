#include "runtime/reward/math/polynomial.h"

#include <arb_fmpz_poly.h>
#include <flint/fmpq_poly.h>
#include <flint/fmpz_poly.h>

#include <algorithm>

namespace muster::reward::math {
namespace {

constexpr slong kRootBits = 400;

class Polynomial {
 public:
  Polynomial() { fmpq_poly_init(value_); }
  ~Polynomial() { fmpq_poly_clear(value_); }
  Polynomial(const Polynomial& other) : Polynomial() { fmpq_poly_set(value_, other.value_); }
  Polynomial& operator=(const Polynomial& other) {
    fmpq_poly_set(value_, other.value_);
    return *this;
  }
  fmpq_poly_struct* get() { return value_; }
  const fmpq_poly_struct* get() const { return value_; }
  bool is_too_large() const { return fmpq_poly_degree(value_) > kMaxDegree; }

 private:
  fmpq_poly_t value_;
};

struct Fraction {
  Polynomial above, below;
};

Fraction constant(const Rational& value) {
  Fraction out;
  fmpq_poly_set_fmpq(out.above.get(), value.get());
  fmpq_poly_set_si(out.below.get(), 1);
  return out;
}

std::optional<Fraction> fraction_of(const Expr& expr, const std::string& variable);

std::optional<Fraction> folded(const Expr& expr, const std::string& variable) {
  Fraction all = constant(Rational(expr->kind == Kind::add ? 0 : 1, 1));
  for (const Expr& arg : expr->args) {
    const auto part = fraction_of(arg, variable);
    if (!part) return std::nullopt;
    if (expr->kind == Kind::add) {
      Polynomial cross;
      fmpq_poly_mul(cross.get(), part->above.get(), all.below.get());
      fmpq_poly_mul(all.above.get(), all.above.get(), part->below.get());
      fmpq_poly_add(all.above.get(), all.above.get(), cross.get());
    } else {
      fmpq_poly_mul(all.above.get(), all.above.get(), part->above.get());
    }
    fmpq_poly_mul(all.below.get(), all.below.get(), part->below.get());
    if (all.above.is_too_large() || all.below.is_too_large()) return std::nullopt;
  }
  return all;
}

std::optional<Fraction> power_of(const Expr& expr, const std::string& variable) {
  const auto base = fraction_of(expr->args[0], variable);
  const auto power = expr->args[1]->kind == Kind::number ? expr->args[1]->value.small_integer() : std::nullopt;
  if (!base || !power || std::abs(*power) > kMaxDegree) return std::nullopt;
  Fraction out = *base;
  if (*power < 0) std::swap(out.above, out.below);
  const auto times = static_cast<ulong>(std::abs(*power));
  if (fmpq_poly_degree(base->above.get()) * std::abs(*power) > kMaxDegree ||
      fmpq_poly_degree(base->below.get()) * std::abs(*power) > kMaxDegree || fmpq_poly_is_zero(out.below.get()))
    return std::nullopt;
  fmpq_poly_pow(out.above.get(), out.above.get(), times);
  fmpq_poly_pow(out.below.get(), out.below.get(), times);
  return out;
}

std::optional<Fraction> fraction_of(const Expr& expr, const std::string& variable) {
  switch (expr->kind) {
    case Kind::number:
    case Kind::decimal:
      return constant(expr->value);
    case Kind::percent: {
      auto out = fraction_of(expr->args[0], variable);
      if (out) fmpq_poly_scalar_div_si(out->above.get(), out->above.get(), 100);
      return out;
    }
    case Kind::symbol: {
      if (expr->name != variable) return std::nullopt;
      Fraction out = constant(Rational(1, 1));
      fmpq_poly_zero(out.above.get());
      fmpq_poly_set_coeff_si(out.above.get(), 1, 1);
      return out;
    }
    case Kind::add:
    case Kind::multiply:
      return folded(expr, variable);
    case Kind::power:
      return power_of(expr, variable);
    default:
      return std::nullopt;
  }
}

// Each root once.
Polynomial squarefree(const Polynomial& polynomial) {
  Polynomial derivative, common, out(polynomial);
  fmpq_poly_derivative(derivative.get(), polynomial.get());
  fmpq_poly_gcd(common.get(), polynomial.get(), derivative.get());
  if (fmpq_poly_degree(common.get()) > 0) fmpq_poly_div(out.get(), polynomial.get(), common.get());
  fmpq_poly_make_monic(out.get(), out.get());
  return out;
}

void add_real_roots(const Polynomial& polynomial, std::vector<Rational>& roots) {
  const Polynomial simple = squarefree(polynomial);
  const slong degree = fmpq_poly_degree(simple.get());
  if (degree < 1) return;
  fmpz_poly_t whole;
  fmpz_poly_init(whole);
  fmpq_poly_get_numerator(whole, simple.get());
  acb_ptr found = _acb_vec_init(degree);
  arb_fmpz_poly_complex_roots(found, whole, 0, kRootBits);
  for (slong i = 0; i < degree; ++i)
    if (acb_is_real(found + i)) {
      Rational root;
      arf_get_fmpq(root.get(), arb_midref(acb_realref(found + i)));
      roots.push_back(root);
    }
  _acb_vec_clear(found, degree);
  fmpz_poly_clear(whole);
}

Polynomial reduced_numerator(const Fraction& fraction) {
  Polynomial common, out;
  fmpq_poly_gcd(common.get(), fraction.above.get(), fraction.below.get());
  fmpq_poly_div(out.get(), fraction.above.get(), common.get());
  return squarefree(out);
}

}  // namespace

std::optional<std::vector<Rational>> critical_points(const Expr& expr, const std::string& variable) {
  const auto fraction = fraction_of(expr, variable);
  if (!fraction || fmpq_poly_is_zero(fraction->above.get()) || fmpq_poly_is_zero(fraction->below.get()) ||
      fmpq_poly_degree(fraction->above.get()) + fmpq_poly_degree(fraction->below.get()) == 0)
    return std::nullopt;
  std::vector<Rational> roots;
  add_real_roots(fraction->above, roots);
  add_real_roots(fraction->below, roots);
  const auto less = [](const Rational& a, const Rational& b) { return fmpq_cmp(a.get(), b.get()) < 0; };
  std::sort(roots.begin(), roots.end(), less);
  roots.erase(std::unique(roots.begin(), roots.end()), roots.end());
  return roots;
}

std::optional<bool> same_zeros(const Expr& a, const Expr& b, const std::string& variable) {
  const auto left = fraction_of(a, variable), right = fraction_of(b, variable);
  for (const auto& each : {&left, &right})
    if (!*each || fmpq_poly_is_zero((*each)->above.get()) || fmpq_poly_is_zero((*each)->below.get()))
      return std::nullopt;
  return fmpq_poly_equal(reduced_numerator(*left).get(), reduced_numerator(*right).get()) != 0;
}

}  // namespace muster::reward::math
