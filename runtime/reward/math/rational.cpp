#include "runtime/reward/math/rational.h"

#include <flint/flint.h>

#include <cmath>

namespace muster::reward::math {
namespace {

Rational power_of_ten(std::size_t power) {
  Rational ten(10, 1);
  fmpz_pow_ui(fmpq_numref(ten.get()), fmpq_numref(ten.get()), power);
  return ten;
}

}  // namespace

std::optional<Rational> Rational::parse(std::string_view decimal) {
  std::string digits;
  std::size_t decimals = 0;
  bool point = false;
  for (const char c : decimal) {
    if (c == '.') {
      if (point) return std::nullopt;
      point = true;
    } else if (c >= '0' && c <= '9') {
      digits += c;
      decimals += point ? 1 : 0;
    } else {
      return std::nullopt;
    }
  }
  if (digits.empty() || digits.size() > kMaxDigits) return std::nullopt;
  Rational number;
  fmpz_set_str(fmpq_numref(number.value_), digits.c_str(), 10);
  return decimals == 0 ? number : number / power_of_ten(decimals);
}

Rational Rational::operator-() const {
  Rational out;
  fmpq_neg(out.value_, value_);
  return out;
}
Rational Rational::operator+(const Rational& other) const {
  Rational out;
  fmpq_add(out.value_, value_, other.value_);
  return out;
}
Rational Rational::operator*(const Rational& other) const {
  Rational out;
  fmpq_mul(out.value_, value_, other.value_);
  return out;
}
Rational Rational::operator/(const Rational& other) const {
  Rational out;
  fmpq_div(out.value_, value_, other.value_);
  return out;
}

Rational Rational::rounded(int decimals) const {
  const Rational scale = power_of_ten(static_cast<std::size_t>(decimals));
  Rational scaled = *this * scale;
  // floor(2x + 1) / 2 rounds half up; a tie that landed on an odd integer goes one down.
  Rational twice = scaled + scaled + Rational(1, 1);
  fmpz_fdiv_q(fmpq_numref(scaled.value_), fmpq_numref(twice.value_), fmpq_denref(twice.value_));
  fmpz_one(fmpq_denref(scaled.value_));
  const bool tie = twice.is_integer() && fmpz_is_even(fmpq_numref(twice.value_));
  fmpz* whole = fmpq_numref(scaled.value_);
  fmpz_fdiv_q_2exp(whole, whole, 1);
  if (tie && fmpz_is_odd(whole)) fmpz_sub_ui(whole, whole, 1);
  return scaled / scale;
}

bool are_close(const Rational& a, const Rational& b, int decimals) {
  if (a == b) return true;
  if (a.sign() * b.sign() <= 0) return false;
  const Rational x = a.magnitude(), y = b.magnitude(), larger = x < y ? y : x;
  const auto power = static_cast<std::size_t>(decimals);
  if (a.rounded(decimals) == b.rounded(decimals) && !(larger < (x - y).magnitude() * power_of_ten(power / 2)))
    return true;
  // 10^zeros brings the larger to 1 .. 10.
  const double digits = fmpz_dlog(fmpq_denref(larger.get())) - fmpz_dlog(fmpq_numref(larger.get()));
  if (digits <= 0) return false;
  const Rational scale = power_of_ten(static_cast<std::size_t>(std::ceil(digits / std::log(10.0) - 1e-9)));
  return (x * scale).rounded(decimals) == (y * scale).rounded(decimals);
}

std::string Rational::text() const {
  char* written = fmpq_get_str(nullptr, 10, value_);
  std::string out = written;
  flint_free(written);
  return out;
}

std::optional<long> Rational::small_integer() const {
  if (!is_integer() || !fmpz_fits_si(fmpq_numref(value_))) return std::nullopt;
  return fmpz_get_si(fmpq_numref(value_));
}

}  // namespace muster::reward::math
