#include "runtime/reward/math/words.h"

#include <algorithm>
#include <array>

#include "runtime/base/text.h"
#include "runtime/reward/pattern.h"

namespace muster::reward::math {
namespace {

constexpr std::array<std::string_view, 28> kCommands = {
    "pi",     "sqrt",  "sin",    "cos",   "tan", "cot",   "sec",   "csc",     "arcsin", "arccos",
    "arctan", "sinh",  "cosh",   "tanh",  "log", "ln",    "exp",   "alpha",   "beta",   "gamma",
    "delta",  "theta", "lambda", "sigma", "phi", "omega", "infty", "infinity"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

bool is_bare_formula(std::string_view text) {
  if (text.empty() || text.find('$') != std::string_view::npos || text.find("\\boxed") != std::string_view::npos)
    return false;
  static const Pattern number(R"(^[-+]?(?:\d|[., ](?=\d))*\.?(?:[eE][-+]?\d+)?\s*%?$)");
  if (number.find(text)) return false;
  bool says_something = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (!is_letter(c)) {
      says_something = says_something || (c >= '0' && c <= '9') || c == '\\' || (c & 0x80) != 0;
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_letter(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    const bool command = at > 0 && text[at - 1] == '\\';
    const bool touches = (at > 0 && text[at - 1] != ' ') || (end < text.size() && text[end] != ' ');
    if (!command && word.size() > 1 && !is_math_word(word) && !(word.size() < 4 && touches)) return false;
    says_something = says_something || is_math_word(word);
    at = end;
  }
  return says_something;
}

bool is_math_word(std::string_view word) {
  return std::find(kCommands.begin(), kCommands.end(), word) != kCommands.end() || word == "inf" || word == "or" ||
         word == "and";
}

std::string with_math_commands(const std::string& latex) {
  static const Pattern words([] {
    std::vector<std::string> all;
    for (const std::string_view word : kCommands)
      if (word != "infinity") all.emplace_back(word);
    return base::text(R"((?<![a-zA-Z\\{]|\\text)()", base::join(all, "|"), R"()(?![a-zA-Z]))");
  }());
  std::size_t run = 0;  // letters in a row without a backslash before them
  bool has_word = false;
  for (std::size_t at = 0; at < latex.size() && !has_word; ++at) {
    run = is_letter(latex[at]) && !(run == 0 && at > 0 && (latex[at - 1] == '\\' || is_letter(latex[at - 1]))) ? run + 1
                                                                                                               : 0;
    has_word = run > 1;
  }
  if (!has_word) return latex;
  return words.replaced(latex, [&](const PatternMatch& match) { return "\\" + std::string(match.group(latex, 1)); });
}

}  // namespace muster::reward::math
