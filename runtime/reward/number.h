// Exact numbers in text, as people and LaTeX write them: 7, -1,234.50, 3/4, \frac{3}{4}, 1\frac{1}{2}, 2.5e-3, 3\times
// 10^{8}, 50%.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

namespace muster::reward {

/// A rational number of any size.
class Number {
 public:
  struct Value;
  Number();
  Number(Number&&) noexcept;
  Number& operator=(Number&&) noexcept;
  ~Number();
  Value& value() { return *value_; }
  const Value& value() const { return *value_; }

  bool percent = false;  // a percent sign stood behind it; the value is what stood before

 private:
  std::unique_ptr<Value> value_;
};

/// The text as a whole, apart from what is only dress: white space, $, \left, \text{ cm}, "x =", a full stop at the
/// end.
std::optional<Number> whole_number(std::string_view text);
/// The last number in running text. A minus counts as a sign unless a letter, digit or closing bracket stands before
/// it.
std::optional<Number> last_number(std::string_view text);
/// Exactly equal; with `percent_is_free` also when only one side is written in percent and its hundredth part is meant
/// (50% = 0.5), or the sign was left away (50% = 50).
bool same_number(const Number& a, const Number& b, bool percent_is_free);

/// Numbers of more digits, or with a larger power of ten, are none.
constexpr int kMaxDigits = 10'000;

}  // namespace muster::reward
