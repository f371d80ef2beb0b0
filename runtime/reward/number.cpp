#include "runtime/reward/number.h"

#include <flint/fmpq.h>

#include <cctype>
#include <string>

namespace muster::reward {

struct Number::Value {
  Value() { fmpq_init(rational); }
  ~Value() { fmpq_clear(rational); }
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;
  fmpq_t rational;
};

Number::Number() : value_(std::make_unique<Value>()) {}
Number::Number(Number&&) noexcept = default;
Number& Number::operator=(Number&&) noexcept = default;
Number::~Number() = default;

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Integer {
  Integer() { fmpz_init(value); }
  ~Integer() { fmpz_clear(value); }
  Integer(const Integer&) = delete;
  Integer& operator=(const Integer&) = delete;
  fmpz_t value;
};

void multiply_by_power_of_ten(Number& number, long power) {
  Integer factor;
  fmpz_set_ui(factor.value, 10);
  fmpz_pow_ui(factor.value, factor.value, static_cast<ulong>(power < 0 ? -power : power));
  if (power < 0)
    fmpq_div_fmpz(number.value().rational, number.value().rational, factor.value);
  else
    fmpq_mul_fmpz(number.value().rational, number.value().rational, factor.value);
}

// Reads one number beginning at `at`; at() is behind it then, also where it is none because it is too long.
class Reader {
 public:
  // `spaces_group`: 1 000 is a thousand, which only holds where nothing but a number can stand.
  Reader(std::string_view text, std::size_t at, bool spaces_group)
      : text_(text), at_(at), spaces_group_(spaces_group) {}

  std::size_t at() const { return at_; }

  bool read(Number& number) {
    const bool negative = read_sign();
    if (!read_unsigned(number)) return false;
    if (negative) fmpq_neg(number.value().rational, number.value().rational);
    const std::size_t end = at_;
    skip_spaces();
    if (take("\\%") || take("%"))
      number.percent = true;
    else
      at_ = end;
    return true;
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  bool read_sign() {
    if (take("-") || take("\u2212")) {
      skip_spaces();
      return true;
    }
    take("+");
    return false;
  }

  bool read_unsigned(Number& number) {
    if (take("\\frac") || take("\\dfrac") || take("\\tfrac")) return read_fraction(number);
    if (!read_decimal(number)) return false;
    const std::size_t end = at_;
    skip_spaces();
    if ((take("\\frac") || take("\\dfrac") || take("\\tfrac")) && whole_) {  // 1\frac{1}{2} is one and a half
      Number part;
      if (read_fraction(part)) {
        fmpq_add(number.value().rational, number.value().rational, part.value().rational);
        return true;
      }
    }
    at_ = end;
    if (read_power(number)) return true;
    at_ = end;
    skip_spaces();
    Number below;
    if (take("/") && (skip_spaces(), read_decimal(below)) && !fmpq_is_zero(below.value().rational)) {
      fmpq_div(number.value().rational, number.value().rational, below.value().rational);
      return true;
    }
    at_ = end;
    return true;
  }

  // Behind \frac: {a}{b}, with signs and decimals, or two single digits.
  bool read_fraction(Number& number) {
    Number below;
    if (!read_side(number) || !read_side(below) || fmpq_is_zero(below.value().rational)) return false;
    fmpq_div(number.value().rational, number.value().rational, below.value().rational);
    return true;
  }
  bool read_side(Number& number) {
    skip_spaces();
    if (is_digit(peek())) {
      fmpq_set_si(number.value().rational, peek() - '0', 1);
      ++at_;
      return true;
    }
    if (!take("{")) return false;
    skip_spaces();
    const bool negative = read_sign();
    if (!read_decimal(number)) return false;
    if (negative) fmpq_neg(number.value().rational, number.value().rational);
    skip_spaces();
    return take("}");
  }

  // 2.5e-3, 3\times 10^{8}
  bool read_power(Number& number) {
    bool braces = false;
    if (take("e") || take("E")) {
      if (!is_digit(peek()) && !((peek() == '-' || peek() == '+') && is_digit(peek(1)))) return false;
    } else {
      skip_spaces();
      if (!take("\\times") && !take("\\cdot") && !take("\u00d7")) return false;
      skip_spaces();
      if (!take("10^")) return false;
      braces = take("{");
    }
    const bool negative = read_sign();
    if (!is_digit(peek())) return false;
    long power = 0;
    for (; is_digit(peek()); ++at_)
      if (power <= kMaxDigits) power = power * 10 + (peek() - '0');
    if (power > kMaxDigits || (braces && !take("}"))) return false;
    multiply_by_power_of_ten(number, negative ? -power : power);
    return true;
  }

  // Three digits and no fourth behind a separator.
  bool group_follows(std::size_t separator) const {
    return is_digit(peek(separator)) && is_digit(peek(separator + 1)) && is_digit(peek(separator + 2)) &&
           !is_digit(peek(separator + 3));
  }
  std::size_t separator_here() const {
    for (const std::string_view separator : {",", " ", "\\,", "\\ ", "\\!", "{,}", ",\\!"})
      if (text_.substr(at_, separator.size()) == separator && group_follows(separator.size()) &&
          (separator != " " || spaces_group_))
        return separator.size();
    return 0;
  }

  bool read_decimal(Number& number) {
    std::string digits;
    while (is_digit(peek())) digits += text_[at_++];
    whole_ = true;
    if (!digits.empty() && digits.size() <= 3 && digits[0] != '0')
      while (const std::size_t separator = separator_here()) {
        digits.append(text_, at_ + separator, 3);
        at_ += separator + 3;
      }
    long decimals = 0;
    if (peek() == '.' && is_digit(peek(1))) {
      whole_ = false;
      for (++at_; is_digit(peek()); ++decimals) digits += text_[at_++];
    }
    if (digits.empty() || digits.size() > kMaxDigits) return false;
    fmpz_set_str(fmpq_numref(number.value().rational), digits.c_str(), 10);
    fmpz_one(fmpq_denref(number.value().rational));
    if (decimals > 0) multiply_by_power_of_ten(number, -decimals);
    return true;
  }

  std::string_view text_;
  std::size_t at_;
  bool spaces_group_;
  bool whole_ = true;  // the last decimal had no point
};

void erase_all(std::string& text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at)) text.erase(at, word.size());
}

void trim(std::string& text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  std::size_t begin = 0;
  while (begin < text.size() && is_space(text[begin])) ++begin;
  text.erase(0, begin);
}

// A unit behind the number: \text{ cm}, \mathrm{kg}, degrees.
void drop_unit(std::string& text) {
  for (const std::string_view command : {"\\text{", "\\mathrm{", "\\textbf{", "\\mbox{"})
    if (const std::size_t at = text.rfind(command); at != std::string::npos && at > 0 && text.back() == '}')
      text.resize(at);
  for (const std::string_view degree : {"^\\circ", "^{\\circ}", "\\degree", "\u00b0"})
    if (text.ends_with(degree)) text.resize(text.size() - degree.size());
}

}  // namespace

std::optional<Number> whole_number(std::string_view given) {
  if (given.size() > 4 * kMaxDigits) return std::nullopt;
  std::string text(given);
  for (const std::string_view dress :
       {"\\left", "\\right", "\\displaystyle", "\\;", "\\(", "\\)", "\\[", "\\]", "\\$", "$"})
    erase_all(text, dress);
  trim(text);
  if (text.ends_with('.')) text.pop_back();
  drop_unit(text);
  if (const std::size_t equals = text.rfind('='); equals != std::string::npos) text.erase(0, equals + 1);
  trim(text);
  if (text.size() > 2 && text.front() == '{' && text.back() == '}') text = text.substr(1, text.size() - 2);
  Number number;
  Reader reader(text, 0, true);
  if (!reader.read(number) || reader.at() != text.size()) return std::nullopt;
  return number;
}

std::optional<Number> last_number(std::string_view text) {
  std::optional<Number> last;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const bool minus = c == '-' || text.substr(at, 3) == "\u2212";
    const std::size_t sign = minus ? (c == '-' ? 1 : 3) : 0;
    const char before = at > 0 ? text[at - 1] : ' ';
    if (minus &&
        (std::isalnum(static_cast<unsigned char>(before)) || before == ')' || before == ']' || before == '}')) {
      at += sign;
      continue;
    }
    const char first = at + sign < text.size() ? text[at + sign] : '\0';
    if (!is_digit(first) && first != '\\' && first != '.') {
      at += minus ? sign : 1;
      continue;
    }
    Number number;
    Reader reader(text, at, false);
    const bool found = reader.read(number);
    // A number that begins with a digit fails only by its length, and all of it is left out then.
    at = found || is_digit(first) ? reader.at() : at + 1;
    if (found) last = std::move(number);
  }
  return last;
}

bool same_number(const Number& a, const Number& b, bool percent_is_free) {
  if (fmpq_equal(a.value().rational, b.value().rational)) return percent_is_free || a.percent == b.percent;
  if (a.percent == b.percent) return false;
  Number hundredth;
  fmpq_set(hundredth.value().rational, (a.percent ? a : b).value().rational);
  multiply_by_power_of_ten(hundredth, -2);
  return fmpq_equal(hundredth.value().rational, (a.percent ? b : a).value().rational) != 0;
}

}  // namespace muster::reward
