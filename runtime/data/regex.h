// A regular expression of a tokenizer file: written for Oniguruma (Ruby's rules), run by PCRE2 with Unicode classes and
// JIT.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace muster::data {

struct Span {
  std::size_t begin, end;
};

/// May be used by several threads at once.
class Regex {
 public:
  /// throws: Error::user at `where` when it does not compile, or means something else in PCRE2.
  Regex(const std::string& pattern, const std::string& where);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();
  /// Appends the matches in `text` (valid UTF-8), from left to right, never overlapping. throws: Error::user when the
  /// match passes PCRE2's limits (an expression that runs away).
  void find_all(std::string_view text, std::vector<Span>& matches) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The pattern with what the two dialects read differently rewritten. throws: Error::user for what cannot be.
std::string pcre2_pattern(const std::string& pattern, const std::string& where);
/// `text` as a pattern that matches just this text.
std::string escaped_pattern(std::string_view text);

}  // namespace muster::data
