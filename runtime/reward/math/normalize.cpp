#include "runtime/reward/math/normalize.h"

#include <algorithm>
#include <vector>

#include "runtime/base/text.h"
#include "runtime/reward/pattern.h"

namespace muster::reward::math {
namespace {

std::string with(std::string text, std::string_view word, std::string_view other) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + other.size()))
    text.replace(at, word.size(), other);
  return text;
}

std::string without_sizes(std::string text) {
  static const Pattern left(
      R"(\\m?left(\\\{|\{|\\\||\||\[|\(|\\(?:lgroup|lbrace|lbrack|l?vert|lceil|lfloor|langle|llcorner|ulcorner)))");
  static const Pattern right(
      R"(\\m?right(\\\}|\}|\\\||\||\]|\)|\\(?:rbrack|rgroup|rbrace|r?vert|rceil|rfloor|rangle|lrcorner|urcorner)))");
  for (const Pattern* side : {&left, &right})
    text = side->replaced(text, [&](const PatternMatch& match) { return std::string(match.group(text, 1)); });
  return text;
}

// (n)_{k}, the number of ways to draw k of n in order.
std::string with_falling_powers(const std::string& text) {
  static const Pattern falling(R"(\(([a-zA-Z0-9+\-*/\\ ]+?)\)_\{([a-zA-Z0-9+\-*/\\ ]+?)\})");
  return falling.replaced(text, [&](const PatternMatch& match) {
    const std::string n(match.group(text, 1)), k(match.group(text, 2));
    return base::text("\\frac{(", n, ")!}{((", n, ")-(", k, "))!}");
  });
}

struct Rewrite {
  const char* from;
  const char* to;
};
// The first that fits at a place wins.
constexpr Rewrite kRewrites[] = {
    {R"(\\math(?:rm|it|bf))", "\\text"},
    {R"(\\text(?:normal|bf|it|rm))", "\\text"},
    {R"(\\[dtc]frac)", "\\frac"},
    {R"(\s\.)", " 0."},
    {R"(\{\.)", "{0."},
    {R"(~=)", "\\approx"},
    {R"(\s*\{\s*,\s*\})", ","},
    {R"((?<![a-zA-Z]),?\s*(?:and|or)(?![a-zA-Z]))", ","},
    {R"(,?\s*\\text\{\s*(?:and|or)\s*\})", ","},
    {R"((?<!\\)\\\s)", " "},
    {R"(infinity)", "\\infty"},
    {R"(,?\\ldots)", " "},
    {R"(\s*\b(?:percentage|percent|pct)\b)", "\\%"},
    {R"(\\text\{(?:percentage|percent|pct)\})", "%"},
    {R"((?<!\\)inf(?!inity))", "\\infty"},
    {R"( sqrt)", "\\sqrt"},
};

std::string rewritten(const std::string& text) {
  static const Pattern any([] {
    std::vector<std::string> parts;
    for (const Rewrite& rewrite : kRewrites) parts.push_back(base::text("(", rewrite.from, ")"));
    return base::join(parts, "|");
  }());
  return any.replaced(text, [](const PatternMatch& match) {
    std::size_t which = 1;
    while (!match.groups[which].set) ++which;
    return std::string(kRewrites[which - 1].to);
  });
}

std::string plain_latex(std::string text) {
  static const Pattern dress(R"(\\mathrm\{th\}|\\!\s*|\\text\s*\{\s*\}|\\\$|\$|(?<!\\)["']|\\displaystyle)");
  static const Pattern doubled(R"(\\\\(?=[a-zA-Z]))");
  for (const auto& [word, other] : {Rewrite{"\\mathrm{T}", "T"},
                                    {"\\mathrm{d}", "d"},
                                    {"{\\rm d}", "d"},
                                    {"\\left[\\begin{matrix}", "\\begin{bmatrix}"},
                                    {"\\end{matrix}\\right]", "\\end{bmatrix}"}})
    text = with(std::move(text), word, other);
  text = rewritten(dress.replaced(with_falling_powers(without_sizes(std::move(text))), ""));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  // A row of a matrix ends with two backslashes; elsewhere they are one that was escaped once too often.
  return text.find("matrix") == std::string::npos ? doubled.replaced(text, "\\") : text;
}

// Words that may stand behind a number without changing it.
const Pattern& units() {
  static const Pattern pattern([] {
    const std::vector<std::string> words = {"integerpoint",
                                            "feet",
                                            "sue",
                                            "digit",
                                            "pound",
                                            "meal",
                                            "edge",
                                            "student",
                                            "children ticket",
                                            "multiple",
                                            "east",
                                            "degree",
                                            "mph",
                                            "kmph",
                                            "ft",
                                            "m square",
                                            " m east",
                                            "sq m",
                                            "deg",
                                            "mile",
                                            "q \\.",
                                            "monkey",
                                            "prime",
                                            "ratio",
                                            "profit of rs",
                                            "rd",
                                            "o",
                                            "gm",
                                            "p \\. m",
                                            "lb",
                                            "tile",
                                            "per",
                                            "dm",
                                            "lt",
                                            "gain",
                                            "ab",
                                            "way",
                                            "west",
                                            "[a-h] \\.",
                                            "t",
                                            "h",
                                            "no change",
                                            "men",
                                            "soldier",
                                            "pie",
                                            "bc",
                                            "excess",
                                            "st",
                                            "inches",
                                            "noon",
                                            "cent",
                                            "by",
                                            "gal",
                                            "kmh",
                                            "c",
                                            "acre",
                                            "rise",
                                            "a \\. m",
                                            "th",
                                            "sq",
                                            "mark",
                                            "l",
                                            "toy",
                                            "coin",
                                            "sq \\. m",
                                            "gallon",
                                            "° f",
                                            "profit",
                                            "minw",
                                            "yr",
                                            "women",
                                            "am",
                                            "pm",
                                            "hr",
                                            "cu cm",
                                            "square",
                                            "are",
                                            "rupee",
                                            "rounds",
                                            "cubic",
                                            "cc",
                                            "mtr",
                                            "s",
                                            "ohm",
                                            "number",
                                            "day",
                                            "hour",
                                            "minute",
                                            "min",
                                            "second",
                                            "man",
                                            "woman",
                                            "sec",
                                            "cube",
                                            "mt",
                                            "sq inch",
                                            "mp",
                                            "hectare",
                                            "more",
                                            "unit",
                                            "cu \\. m",
                                            "cm 2",
                                            "rs \\.",
                                            "rs",
                                            "kg",
                                            "g",
                                            "month",
                                            "km",
                                            "m",
                                            "cm",
                                            "mm",
                                            "apple",
                                            "liter",
                                            "loss",
                                            "yard",
                                            "pure",
                                            "year",
                                            "increase",
                                            "decrease",
                                            "d",
                                            "less",
                                            "Surface",
                                            "litre",
                                            "pi sq m",
                                            "s \\.",
                                            "metre",
                                            "meter",
                                            "inch"};
    return base::text(R"((\d|\}|\s)\s*(?:)", base::join(words, "|"), R"()(?:s|es)?\s*$)");
  }());
  return pattern;
}

std::string without_units(std::string text) {
  static const Pattern worded(R"((?:\\(?:text|mbox)\{.*?\})(?:\^\d|\{\^\d\})?$)");
  if (std::string shorter = base::trim(worded.replaced(text, "")); !shorter.empty()) text = std::move(shorter);
  for (int times = 0; times < 2; ++times) {
    std::string shorter =
        units().replaced(text, [&](const PatternMatch& match) { return std::string(match.group(text, 1)); });
    if (!shorter.empty()) text = std::move(shorter);
  }
  return text;
}

// Replaces with groups: $1 and $2 in `to`.
std::string with_groups(const std::string& text, const Pattern& pattern, std::string_view to) {
  return pattern.replaced(text, [&](const PatternMatch& match) {
    std::string out;
    for (std::size_t i = 0; i < to.size(); ++i)
      if (to[i] == '$')
        out += match.group(text, static_cast<std::size_t>(to[++i] - '0'));
      else
        out += to[i];
    return out;
  });
}

// \frac12, \frac1{2}, \frac a b: two arguments in braces. A \frac at the very end stays what it is, and so do all.
std::string with_fraction_braces(const std::string& text) {
  constexpr std::string_view kFrac = "\\frac";
  std::string out;
  std::size_t at = text.find(kFrac);
  if (at == std::string::npos) return text;
  out.append(text, 0, at);
  while (at != std::string::npos) {
    at += kFrac.size();
    const std::size_t next = text.find(kFrac, at);
    std::string_view part = std::string_view(text).substr(at, next == std::string::npos ? next : next - at);
    while (part.starts_with(' ')) part.remove_prefix(1);
    out += kFrac;
    if (!part.starts_with('{')) {
      if (part.size() < 2) return text;
      out += base::text('{', part[0], '}');
      if (part[1] == '{')
        part.remove_prefix(1);
      else
        out += base::text('{', part[1], '}'), part.remove_prefix(2);
    }
    out += part;
    at = next;
  }
  return out;
}

std::string with_root_braces(const std::string& text) {
  static const Pattern bare(R"(\\sqrt\s*([^\s{[]))");
  return with_groups(text, bare, "\\sqrt{$1}");
}

std::string with_whole_operators(std::string text) {
  static const Pattern power(R"(\^\s?\((.*?)\))"), root(R"(\\?sqrt\s?\((.*?)\))"),
      frac_digits(R"(\\frac\s?(\d)\s?(\d+))"), log_digits(R"(\\log_\s?(\d)\s?(\d+))"),
      frac_braced(R"(\\frac\s?\{(.*?)\}\s?(\d))"), frac_digit(R"(\\frac\s?(\d)\s?\{(.*?)\})"),
      root_digit(R"(\\sqrt\s?(\d))"), slash(R"(^(-?\d+)/(\d+)$)");
  text = with_groups(text, power, "^{$1}");
  text = with_groups(text, root, "\\sqrt{$1}");
  text = with_groups(text, frac_digits, "\\frac{$1}{$2}");
  text = with_groups(text, log_digits, "\\log_{$1}{$2}");
  text = with_groups(text, frac_braced, "\\frac{$1}{$2}");
  text = with_groups(text, frac_digit, "\\frac{$1}{$2}");
  text = with_groups(text, root_digit, "\\sqrt{$1}");
  text = with(std::move(text), " sqrt", "\\sqrt");
  text = with_fraction_braces(with_root_braces(text));
  return with_groups(text, slash, "\\frac{$1}{$2}");
}

}  // namespace

std::string normalized_latex(std::string_view latex, Boxes boxes) {
  std::string text = without_units(plain_latex(boxed_content(latex, boxes)));
  if (text.starts_with('.')) text.insert(0, "0");
  return base::trim(with_whole_operators(std::move(text)));
}

}  // namespace muster::reward::math
