#include "runtime/reward/math/residue.h"

#include <flint/fmpz.h>
#include <flint/ulong_extras.h>

#include <array>
#include <cstdint>
#include <map>

#include "runtime/reward/math/evaluate.h"

namespace muster::reward::math {
namespace {

// The largest primes below 2^61.
constexpr std::array<ulong, 3> kPrimes = {2305843009213693951UL, 2305843009213693921UL, 2305843009213693907UL};
constexpr long kMaxFactorial = 100'000;
constexpr long kMaxTerms = 1000;
constexpr long kMaxSteps = 1'000'000;

std::uint64_t hash_of(const std::string& name, std::uint64_t hash) {
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  return hash ^ (hash >> 33);
}

class Residue {
 public:
  explicit Residue(ulong prime) : prime_(prime) {}

  std::optional<ulong> of(const Expr& expr) {
    if (++steps_ > kMaxSteps) return std::nullopt;
    switch (expr->kind) {
      case Kind::number:
      case Kind::decimal:
        return quotient(fmpz_fdiv_ui(fmpq_numref(expr->value.get()), prime_),
                        fmpz_fdiv_ui(fmpq_denref(expr->value.get()), prime_));
      case Kind::percent: {
        const auto inner = of(expr->args[0]);
        return inner ? quotient(*inner, 100) : std::nullopt;
      }
      case Kind::symbol:
        return symbol(expr->name);
      case Kind::add:
      case Kind::multiply:
        return folded(expr);
      case Kind::power:
        return power(expr);
      case Kind::call:
        return call(expr);
      default:
        return std::nullopt;
    }
  }

 private:
  ulong times(ulong a, ulong b) const { return static_cast<ulong>(static_cast<unsigned __int128>(a) * b % prime_); }
  std::optional<ulong> quotient(ulong above, ulong below) const {
    if (below % prime_ == 0) return std::nullopt;
    return times(above, n_invmod(below, prime_));
  }
  ulong to_power(ulong base, ulong exponent) const {
    ulong out = 1;
    for (; exponent > 0; exponent >>= 1, base = times(base, base))
      if (exponent & 1) out = times(out, base);
    return out;
  }

  std::optional<ulong> symbol(const std::string& name) const {
    if (const auto bound = bound_.find(name); bound != bound_.end()) return signed_residue(bound->second);
    return hash_of(name, prime_) % prime_;
  }
  ulong signed_residue(long value) const {
    return value >= 0 ? static_cast<ulong>(value) % prime_ : prime_ - static_cast<ulong>(-(value + 1)) % prime_ - 1;
  }

  std::optional<ulong> folded(const Expr& expr) {
    const bool add = expr->kind == Kind::add;
    ulong out = add ? 0 : 1;
    for (const Expr& arg : expr->args) {
      const auto part = of(arg);
      if (!part) return std::nullopt;
      out = add ? (out + *part) % prime_ : times(out, *part);
    }
    return out;
  }

  // base^e = base^(e mod p - 1).
  std::optional<ulong> power(const Expr& expr) {
    const auto base = of(expr->args[0]);
    if (!base) return std::nullopt;
    const auto exponent = whole(expr->args[1]);
    if (!exponent) return std::nullopt;
    const fmpz* value = fmpq_numref(exponent->get());
    if (fmpz_is_zero(value)) return 1;
    if (*base == 0) return fmpz_sgn(value) > 0 ? std::optional<ulong>(0) : std::nullopt;
    return to_power(*base, fmpz_fdiv_ui(value, prime_ - 1));
  }

  // An exact integer without symbols; large ones as far as some 100 digits.
  std::optional<Rational> whole(const Expr& expr) {
    if (is_integer(expr)) return expr->value;
    if (expr->kind == Kind::symbol) {
      const auto bound = bound_.find(expr->name);
      return bound == bound_.end() ? std::nullopt : std::optional<Rational>(Rational(bound->second, 1));
    }
    if (!bound_.empty() || !is_rational(expr)) return std::nullopt;
    const auto ball = evaluate_constant(expr, 400);
    Rational value;
    if (!ball || !acb_get_unique_fmpz(fmpq_numref(value.get()), ball->get())) return std::nullopt;
    return value;
  }
  static bool is_rational(const Expr& expr) {
    const bool known = expr->kind == Kind::number || expr->kind == Kind::add || expr->kind == Kind::multiply ||
                       (expr->kind == Kind::power && is_integer(expr->args[1])) ||
                       (expr->kind == Kind::call && expr->name == "factorial");
    if (!known) return false;
    for (const Expr& arg : expr->args)
      if (!is_rational(arg)) return false;
    return true;
  }
  std::optional<long> small(const Expr& expr) {
    const auto value = whole(expr);
    return value ? value->small_integer() : std::nullopt;
  }

  std::optional<ulong> call(const Expr& expr) {
    const auto& args = expr->args;
    if (expr->name == "factorial" && args.size() == 1) return factorial(small(args[0]));
    if (expr->name == "binomial" && args.size() == 2) {
      const auto n = small(args[0]), k = small(args[1]);
      if (!n || !k || *k < 0 || *k > *n) return std::nullopt;
      const auto all = factorial(n), left = factorial(k), right = factorial(*n - *k);
      return all && left && right ? quotient(*all, times(*left, *right)) : std::nullopt;
    }
    if ((expr->name == "sum" || expr->name == "product") && args.size() == 4) return series(expr);
    return std::nullopt;
  }

  std::optional<ulong> factorial(std::optional<long> n) {
    if (!n || *n < 0 || *n > kMaxFactorial || (steps_ += *n) > kMaxSteps) return std::nullopt;
    ulong out = 1;
    for (long k = 2; k <= *n; ++k) out = times(out, static_cast<ulong>(k));
    return out;
  }

  std::optional<ulong> series(const Expr& expr) {
    const Expr& variable = expr->args[1];
    const auto low = small(expr->args[2]), high = small(expr->args[3]);
    if (variable->kind != Kind::symbol || !low || !high || *high - *low > kMaxTerms || bound_.contains(variable->name))
      return std::nullopt;
    const bool add = expr->name == "sum";
    std::optional<ulong> out = add ? 0 : 1;
    for (long k = *low; out && k <= *high; ++k) {
      bound_[variable->name] = k;
      const auto part = of(expr->args[0]);
      if (part)
        out = add ? (*out + *part) % prime_ : times(*out, *part);
      else
        out = std::nullopt;
    }
    bound_.erase(variable->name);
    return out;
  }

  ulong prime_;
  long steps_ = 0;
  std::map<std::string, long> bound_;  // the variables of sums
};

}  // namespace

std::optional<bool> same_residues(const Expr& a, const Expr& b) {
  int agreed = 0;
  for (const ulong prime : kPrimes) {
    const auto left = Residue(prime).of(a);
    if (!left) continue;
    const auto right = Residue(prime).of(b);
    if (!right) continue;
    if (*left != *right) return false;
    ++agreed;
  }
  return agreed >= 2 ? std::optional<bool>(true) : std::nullopt;
}

}  // namespace muster::reward::math
