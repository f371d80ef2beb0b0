// A regular expression (PCRE2, UTF-8, compiled once, with limits): what a hostile text cannot make run away.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::reward {

/// One match: group 0 is the whole; a group that took no part is empty and not `set`.
struct PatternMatch {
  struct Group {
    std::size_t begin = 0, end = 0;
    bool set = false;
  };
  std::vector<Group> groups;
  std::size_t begin() const { return groups[0].begin; }
  std::size_t end() const { return groups[0].end; }
  std::string_view group(std::string_view text, std::size_t number) const {
    return text.substr(groups[number].begin, groups[number].end - groups[number].begin);
  }
};

/// May be used by several threads.
class Pattern {
 public:
  struct Options {
    bool dot_matches_newline = false;
  };
  /// throws: Error::user with PCRE2's words and the place in the expression.
  explicit Pattern(const std::string& expression, Options options);
  explicit Pattern(const std::string& expression) : Pattern(expression, Options{}) {}
  ~Pattern();
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  std::size_t num_groups() const;
  /// The first match at or behind `from`. `ran_away` (may be null) learns that a limit was passed: no match then.
  std::optional<PatternMatch> find(std::string_view text, std::size_t from = 0, bool* ran_away = nullptr) const;
  /// Left to right, never overlapping.
  std::vector<PatternMatch> find_all(std::string_view text) const;
  using Replace = std::function<std::string(const PatternMatch&)>;
  std::string replaced(std::string_view text, const Replace& replacement) const;
  std::string replaced(std::string_view text, const std::string& replacement) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::reward
