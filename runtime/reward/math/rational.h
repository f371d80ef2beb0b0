// An exact rational number of any size, by value.
#pragma once

#include <flint/fmpq.h>

#include <optional>
#include <string>
#include <string_view>

namespace muster::reward::math {

class Rational {
 public:
  Rational() { fmpq_init(value_); }
  Rational(long numerator, unsigned long denominator) : Rational() { fmpq_set_si(value_, numerator, denominator); }
  Rational(const Rational& other) : Rational() { fmpq_set(value_, other.value_); }
  Rational& operator=(const Rational& other) {
    fmpq_set(value_, other.value_);
    return *this;
  }
  ~Rational() { fmpq_clear(value_); }

  /// Digits with at most one point, no sign; none when there are no digits or more than kMaxDigits.
  static std::optional<Rational> parse(std::string_view decimal);
  static constexpr std::size_t kMaxDigits = 10'000;

  bool is_integer() const { return fmpz_is_one(fmpq_denref(value_)); }
  int sign() const { return fmpq_sgn(value_); }
  Rational operator-() const;
  Rational operator+(const Rational& other) const;
  Rational operator*(const Rational& other) const;
  /// `other` is not zero.
  Rational operator/(const Rational& other) const;
  bool operator==(const Rational& other) const { return fmpq_equal(value_, other.value_); }
  Rational operator-(const Rational& other) const { return *this + -other; }
  bool operator<(const Rational& other) const { return fmpq_cmp(value_, other.value_) < 0; }
  Rational magnitude() const { return sign() < 0 ? -*this : *this; }
  /// Ties to the even neighbour.
  Rational rounded(int decimals) const;
  /// 3/4 or 7.
  std::string text() const;
  /// When it is an integer that fits.
  std::optional<long> small_integer() const;
  const fmpq* get() const { return value_; }
  fmpq* get() { return value_; }

 private:
  fmpq_t value_;
};

/// Whether two numbers that were written with a point are the same: equal when rounded to so many decimals, and then
/// also near in relation to their size; or equal in so many decimals of the form 1.23 * 10^-k. Zero is near zero only.
bool are_close(const Rational& a, const Rational& b, int decimals);

}  // namespace muster::reward::math
