#include "runtime/reward/math/evaluate.h"

#include <acb_hypgeom.h>
#include <acb_mat.h>
#include <arf.h>

#include <map>

namespace muster::reward::math {
namespace {

constexpr int kMaxSteps = 100'000;
constexpr long kMaxTerms = 1000;        // of a sum or product
constexpr std::size_t kMaxMatrix = 12;  // rows of a determinant
constexpr long kMaxExponentBits = 4096;
constexpr long kMaxFactorial = 1'000'000;

class Evaluator {
 public:
  Evaluator(const Point& point, long bits) : point_(point), bits_(bits) {}

  bool run(const Expr& expr, Ball& out) {
    return ++steps_ <= kMaxSteps && value(expr, out) && acb_is_finite(out.get());
  }

 private:
  bool value(const Expr& expr, Ball& out) {
    switch (expr->kind) {
      case Kind::number:
      case Kind::decimal:
        acb_set_fmpq(out.get(), expr->value.get(), bits_);
        return true;
      case Kind::symbol:
        return symbol(expr->name, out);
      case Kind::constant:
        return constant(expr->name, out);
      case Kind::add:
      case Kind::multiply:
        return folded(expr, out);
      case Kind::power:
        return power(expr, out);
      case Kind::percent:
        if (!run(expr->args[0], out)) return false;
        acb_div_ui(out.get(), out.get(), 100, bits_);
        return true;
      case Kind::call:
        return call(expr, out);
      default:
        return false;
    }
  }

  bool symbol(const std::string& name, Ball& out) {
    if (const auto bound = bound_.find(name); bound != bound_.end()) {
      acb_set_si(out.get(), bound->second);
      return true;
    }
    if (!point_) return false;
    acb_set_fmpq(out.get(), point_(name).get(), bits_);
    return true;
  }

  bool constant(const std::string& name, Ball& out) {
    if (name == "pi")
      acb_const_pi(out.get(), bits_);
    else if (name == "e")
      arb_const_e(acb_realref(out.get()), bits_);
    else if (name == "gamma")
      arb_const_euler(acb_realref(out.get()), bits_);
    else
      acb_onei(out.get());
    return true;
  }

  bool folded(const Expr& expr, Ball& out) {
    const bool add = expr->kind == Kind::add;
    acb_set_ui(out.get(), add ? 0 : 1);
    for (const Expr& arg : expr->args) {
      Ball part;
      if (!run(arg, part)) return false;
      if (add)
        acb_add(out.get(), out.get(), part.get(), bits_);
      else
        acb_mul(out.get(), out.get(), part.get(), bits_);
    }
    return true;
  }

  bool power(const Expr& expr, Ball& out) {
    Ball base, exponent;
    if (!run(expr->args[0], base) || !run(expr->args[1], exponent)) return false;
    if (acb_is_zero(base.get())) {
      if (!arb_is_positive(acb_realref(exponent.get()))) {
        acb_one(out.get());
        return acb_is_zero(exponent.get());
      }
      acb_zero(out.get());
      return true;
    }
    if (expr->args[1]->kind == Kind::number && expr->args[1]->value == Rational(1, 2)) {
      acb_sqrt(out.get(), base.get(), bits_);
      return true;
    }
    if (acb_is_int(exponent.get())) {
      fmpz_t whole;
      fmpz_init(whole);
      const bool small =
          arf_get_fmpz(whole, arb_midref(acb_realref(exponent.get())), ARF_RND_DOWN) == 0 && fmpz_bits(whole) <= 64;
      if (small) acb_pow_fmpz(out.get(), base.get(), whole, bits_);
      fmpz_clear(whole);
      if (small) return true;
    }
    // Beyond that a tower of powers would not end.
    if (mag_cmp_2exp_si(arb_radref(acb_realref(exponent.get())), kMaxExponentBits) > 0 ||
        arf_cmpabs_2exp_si(arb_midref(acb_realref(exponent.get())), kMaxExponentBits) > 0)
      return false;
    acb_pow(out.get(), base.get(), exponent.get(), bits_);
    return true;
  }

  bool call(const Expr& expr, Ball& out) {
    const std::string& name = expr->name;
    if (name == "sum" || name == "product") return series(expr, out);
    if (name == "det") return determinant(expr->args[0], out);
    if (name.starts_with('\\')) {  // a function of the answer's own: any number will do, the same for the same call
      if (!point_) return false;
      acb_set_fmpq(out.get(), point_(text_of(expr)).get(), bits_);
      return true;
    }
    std::vector<Ball> args(expr->args.size());
    for (std::size_t i = 0; i < args.size(); ++i)
      if (!run(expr->args[i], args[i])) return false;
    if (args.size() == 1 && one_argument(name, args[0], out)) return true;
    return several_arguments(name, args, out);
  }

  using Function = void (*)(acb_t, const acb_t, slong);
  bool one_argument(const std::string& name, const Ball& x, Ball& out) {
    static const std::map<std::string, Function> functions = {
        {"sin", acb_sin},       {"cos", acb_cos},       {"tan", acb_tan},      {"cot", acb_cot},
        {"sec", acb_sec},       {"csc", acb_csc},       {"sinh", acb_sinh},    {"cosh", acb_cosh},
        {"tanh", acb_tanh},     {"arcsin", acb_asin},   {"arccos", acb_acos},  {"arctan", acb_atan},
        {"arcsinh", acb_asinh}, {"arccosh", acb_acosh}, {"arctanh", acb_atanh}};
    // The reciprocal ones: arcsec x = arccos 1/x.
    static const std::map<std::string, Function> inverse = {
        {"arcsec", acb_acos}, {"arccsc", acb_asin}, {"arccot", acb_atan}};
    if (const auto found = functions.find(name); found != functions.end()) {
      found->second(out.get(), x.get(), bits_);
      return true;
    }
    if (const auto found = inverse.find(name); found != inverse.end()) {
      Ball reciprocal;
      acb_inv(reciprocal.get(), x.get(), bits_);
      found->second(out.get(), reciprocal.get(), bits_);
      return true;
    }
    if (name == "abs") {
      acb_zero(out.get());
      acb_abs(acb_realref(out.get()), x.get(), bits_);
      return true;
    }
    if (name == "floor" || name == "ceil") {
      if (!acb_is_real(x.get())) return false;
      acb_zero(out.get());
      (name == "floor" ? arb_floor : arb_ceil)(acb_realref(out.get()), acb_realref(x.get()), bits_);
      return true;
    }
    if (name == "factorial" || name == "gamma") {
      Ball shifted(x);
      if (name == "factorial") acb_add_ui(shifted.get(), shifted.get(), 1, bits_);
      return gamma(shifted, out);
    }
    return false;
  }

  bool gamma(const Ball& x, Ball& out) {
    if (arf_cmpabs_d(arb_midref(acb_realref(x.get())), static_cast<double>(kMaxFactorial)) > 0) return false;
    acb_gamma(out.get(), x.get(), bits_);
    return true;
  }

  bool several_arguments(const std::string& name, std::vector<Ball>& args, Ball& out) {
    if (name == "log" && args.size() == 2) {
      if (acb_is_zero(args[0].get()) || acb_is_zero(args[1].get())) return false;
      Ball below;
      acb_log(out.get(), args[0].get(), bits_);
      acb_log(below.get(), args[1].get(), bits_);
      acb_div(out.get(), out.get(), below.get(), bits_);
      return true;
    }
    if (name == "mod" && args.size() == 2) {
      Ball times;
      acb_div(times.get(), args[0].get(), args[1].get(), bits_);
      if (!acb_is_finite(times.get())) return false;
      arb_floor(acb_realref(times.get()), acb_realref(times.get()), bits_);
      arb_zero(acb_imagref(times.get()));
      acb_mul(times.get(), times.get(), args[1].get(), bits_);
      acb_sub(out.get(), args[0].get(), times.get(), bits_);
      return true;
    }
    if (name == "binomial" && args.size() == 2) return binomial(args[0], args[1], out);
    if (name == "gcd" || name == "lcm") return common(name == "gcd", args, out);
    if (name == "max" || name == "min") {
      out = args[0];
      for (const Ball& each : args)
        (name == "max" ? arb_max : arb_min)(acb_realref(out.get()), acb_realref(out.get()), acb_realref(each.get()),
                                            bits_);
      return true;
    }
    return false;
  }

  bool binomial(const Ball& n, const Ball& k, Ball& out) {
    Ball top(n), left(k), right(n), part;
    acb_add_ui(top.get(), top.get(), 1, bits_);
    acb_add_ui(left.get(), left.get(), 1, bits_);
    acb_sub(right.get(), right.get(), k.get(), bits_);
    acb_add_ui(right.get(), right.get(), 1, bits_);
    if (!gamma(top, out)) return false;
    for (const Ball& each : {left, right}) {
      acb_rgamma(part.get(), each.get(), bits_);
      acb_mul(out.get(), out.get(), part.get(), bits_);
    }
    return true;
  }

  bool common(bool greatest, const std::vector<Ball>& args, Ball& out) {
    fmpz_t all, each;
    fmpz_init(all);
    fmpz_init(each);
    bool whole = true;
    for (std::size_t i = 0; whole && i < args.size(); ++i) {
      whole = acb_get_unique_fmpz(each, args[i].get()) != 0;
      if (!whole) break;
      if (i == 0)
        fmpz_abs(all, each);
      else
        (greatest ? fmpz_gcd : fmpz_lcm)(all, all, each);
    }
    if (whole) acb_set_fmpz(out.get(), all);
    fmpz_clear(all);
    fmpz_clear(each);
    return whole;
  }

  bool series(const Expr& expr, Ball& out) {
    const Expr& variable = expr->args[1];
    Ball first, last;
    if (variable->kind != Kind::symbol || !run(expr->args[2], first) || !run(expr->args[3], last)) return false;
    fmpz_t from, to;
    fmpz_init(from);
    fmpz_init(to);
    const bool whole = acb_get_unique_fmpz(from, first.get()) && acb_get_unique_fmpz(to, last.get()) &&
                       fmpz_fits_si(from) && fmpz_fits_si(to);
    const long low = whole ? fmpz_get_si(from) : 0, high = whole ? fmpz_get_si(to) : 0;
    fmpz_clear(from);
    fmpz_clear(to);
    if (!whole || high - low > kMaxTerms) return false;
    const bool sum = expr->name == "sum";
    acb_set_ui(out.get(), sum ? 0 : 1);
    const auto outer = bound_.find(variable->name) == bound_.end() ? std::optional<long>() : bound_[variable->name];
    bool good = true;
    for (long k = low; good && k <= high; ++k) {
      bound_[variable->name] = k;
      Ball part;
      good = run(expr->args[0], part);
      (sum ? acb_add : acb_mul)(out.get(), out.get(), part.get(), bits_);
    }
    if (outer)
      bound_[variable->name] = *outer;
    else
      bound_.erase(variable->name);
    return good;
  }

  bool determinant(const Expr& matrix, Ball& out) {
    if (matrix->kind != Kind::matrix || matrix->columns > kMaxMatrix ||
        matrix->args.size() != matrix->columns * matrix->columns)
      return false;
    const auto size = static_cast<slong>(matrix->columns);
    acb_mat_t values;
    acb_mat_init(values, size, size);
    bool good = true;
    for (std::size_t i = 0; good && i < matrix->args.size(); ++i) {
      Ball cell;
      good = run(matrix->args[i], cell);
      acb_set(acb_mat_entry(values, static_cast<slong>(i) / size, static_cast<slong>(i) % size), cell.get());
    }
    if (good) acb_mat_det(out.get(), values, bits_);
    acb_mat_clear(values);
    return good;
  }

  const Point& point_;
  long bits_;
  int steps_ = 0;
  std::map<std::string, long> bound_;  // the variables of sums
};

}  // namespace

std::optional<Ball> evaluate(const Expr& expr, const Point& point, long bits) {
  Ball out;
  if (!Evaluator(point, bits).run(expr, out)) return std::nullopt;
  return out;
}

std::optional<Ball> evaluate_constant(const Expr& expr, long bits) { return evaluate(expr, nullptr, bits); }

std::optional<int> compared(const Expr& a, const Expr& b) {
  const auto sign_of = [](const Expr& expr) { return expr->kind == Kind::infinity ? expr->value.sign() : 0; };
  if (const int left = sign_of(a), right = sign_of(b); left != 0 || right != 0)
    return left == right ? 0 : left > right ? 1 : -1;
  const auto left = evaluate_constant(a, 400), right = evaluate_constant(b, 400);
  if (!left || !right) return std::nullopt;
  Ball difference;
  acb_sub(difference.get(), left->get(), right->get(), 400);
  if (!arb_contains_zero(acb_imagref(difference.get()))) return std::nullopt;
  const arb_struct* real = acb_realref(difference.get());
  mag_t size, scale;
  mag_init(size);
  mag_init(scale);
  arb_get_mag(size, real);
  acb_get_mag(scale, left->get());
  mag_mul_2exp_si(scale, scale, -350);
  const bool same = mag_cmp(size, scale) <= 0 || (arb_contains_zero(real) && mag_cmp_2exp_si(size, -200) < 0);
  mag_clear(size);
  mag_clear(scale);
  if (same) return 0;
  if (arb_is_positive(real)) return 1;
  if (arb_is_negative(real)) return -1;
  return std::nullopt;
}

std::optional<Rational> value_of(const Expr& expr) {
  if (expr->kind == Kind::number || expr->kind == Kind::decimal) return expr->value;
  if (expr->kind == Kind::percent && is_number(expr->args[0]) && expr->args[0]->kind != Kind::infinity)
    return expr->args[0]->value / Rational(100, 1);
  const auto ball = evaluate_constant(expr, 256);
  if (!ball || !arb_contains_zero(acb_imagref(ball->get())) || arb_rel_accuracy_bits(acb_realref(ball->get())) < 64)
    return std::nullopt;
  const arf_struct* middle = arb_midref(acb_realref(ball->get()));
  if (arf_cmpabs_2exp_si(middle, 4096) > 0 || arf_cmpabs_2exp_si(middle, -4096) < 0) return std::nullopt;
  Rational value;
  arf_get_fmpq(value.get(), middle);
  return value;
}

std::optional<double> approximate(const Expr& expr) {
  const auto ball = evaluate_constant(expr, 100);
  if (!ball || !acb_is_real(ball->get())) return std::nullopt;
  return arf_get_d(arb_midref(acb_realref(ball->get())), ARF_RND_NEAR);
}

}  // namespace muster::reward::math
