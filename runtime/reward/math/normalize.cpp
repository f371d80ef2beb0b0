#include "runtime/reward/math/normalize.h"

#include <algorithm>
#include <map>
#include <vector>

#include "runtime/base/text.h"
#include "runtime/reward/math/units.h"
#include "runtime/reward/math/words.h"
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
      R"(\\m?left(\\\{|\{|\\\||\||\[|\]|\(|\\(?:lgroup|lbrace|lbrack|l?vert|lceil|lfloor|langle|llcorner|ulcorner)))");
  static const Pattern right(
      R"(\\m?right(\\\}|\}|\\\||\||\]|\[|\)|\\(?:rbrack|rgroup|rbrace|r?vert|rceil|rfloor|rangle|lrcorner|urcorner)))");
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
    {R"(\\(?:rm|bf|it|sf|tt)(?=\s*\{))", "\\text"},
    {R"((?<=\d)\.\s*$)", ""},
    {R"(\s\.)", " 0."},
    {R"(\{\s*-\s*\})", "-"},
    {R"(\{\s*\+\s*\})", "+"},
    {R"((?<![\^{])\\degree(?![a-zA-Z]))", "^{\\circ}"},
    {R"(\\mathbb\s+N)", "\\mathbb{N}"},
    {R"(\\mathbb\s+Z)", "\\mathbb{Z}"},
    {R"(\\mathbb\s+Q)", "\\mathbb{Q}"},
    {R"(\\mathbb\s+R)", "\\mathbb{R}"},
    {R"(\\mathbb\s+C)", "\\mathbb{C}"},
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
    {R"(\*\*)", "^"},
    {R"(~)", " "},
    {R"((?<=\d)\s*[xX]\s*(?=10\s*\^))", "\\times "},
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

// Numerals of another base: (110)_2 and 110_{two} are 110_{2}. A number of which a digit is too large for its base is
// left to with_falling_powers.
std::string with_bases(const std::string& text) {
  static const Pattern grouped(R"(\(\s*(\d{2,})\s*\)_\s*\{?\s*(\d\d?)\s*\}?)"),
      worded(
          R"((?<=\d)_\s*\{?\s*(?:\\text\s*\{)?\s*(two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen)\s*\}{0,2})");
  static const std::map<std::string, std::string, std::less<>> bases = {
      {"two", "2"},   {"three", "3"}, {"four", "4"}, {"five", "5"},    {"six", "6"},     {"seven", "7"},
      {"eight", "8"}, {"nine", "9"},  {"ten", "10"}, {"twelve", "12"}, {"sixteen", "16"}};
  if (text.find('_') == std::string::npos) return text;
  const std::string out = grouped.replaced(text, [&](const PatternMatch& match) {
    const std::string digits(match.group(text, 1)), base(match.group(text, 2));
    const bool fits = std::all_of(digits.begin(), digits.end(), [&](char c) { return c - '0' < std::stoi(base); });
    return fits ? base::text(digits, "_{", base, "}") : std::string(match.group(text, 0));
  });
  return worded.replaced(
      out, [&](const PatternMatch& match) { return "_{" + bases.find(match.group(out, 1))->second + "}"; });
}

std::string plain_latex(std::string text) {
  static const Pattern dress(
      R"(\\mathrm\{th\}|\\!\s*|\\text\s*\{\s*\}|(?<=\d)\\[,;:](?=\d{3}(?!\d))|\\\$|\$|(?<!\\)["']|\\displaystyle)");
  static const Pattern doubled(R"(\\\\(?=[a-zA-Z]))");
  for (const auto& [word, other] : {Rewrite{"\\mathrm{T}", "T"},
                                    {"\\mathrm{d}", "d"},
                                    {"{\\rm d}", "d"},
                                    {"\\left[\\begin{matrix}", "\\begin{bmatrix}"},
                                    {"\\end{matrix}\\right]", "\\end{bmatrix}"}})
    text = with(std::move(text), word, other);
  text = rewritten(dress.replaced(with_falling_powers(with_bases(without_sizes(std::move(text)))), ""));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  // A row of a matrix ends with two backslashes; elsewhere they are one that was escaped once too often.
  return text.find("matrix") == std::string::npos ? doubled.replaced(text, "\\") : text;
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
  static const Pattern negative(R"(\^\s*(-\s*(?:\d+(?:\.\d+)?|[a-zA-Z])))"), power(R"(\^\s?\((.*?)\))"),
      root(R"(\\?sqrt\s?\((.*?)\))"), frac_digits(R"(\\frac\s?(\d)\s?(\d+))"), log_digits(R"(\\log_\s?(\d)\s?(\d+))"),
      frac_braced(R"(\\frac\s?\{(.*?)\}\s?(\d))"), frac_digit(R"(\\frac\s?(\d)\s?\{(.*?)\})"),
      root_digit(R"(\\sqrt\s?(\d))"), slash(R"(^(-?\d+)/(\d+)$)");
  if (text.find('^') != std::string::npos) {
    text = with_groups(text, negative, "^{$1}");
    text = with_groups(text, power, "^{$1}");
  }
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

// The letter of a choice before its value, with a font or without: \textbf{(D)}\ 36, (D) 36, D. 36.
char take_label(std::string& text) {
  static const Pattern before(
      R"(^\s*(?|\\text\s*\{\s*(?|\(([A-J])\)|([A-J])[).:])\s*\}(?:\\[ ,;:!]|\\q?quad|~|\s|:)*|(?|\(([A-J])\)|([A-J])[).:])(?:\\[ ,;:!]|\\q?quad|~|\s)+)(?=[\w\\({\[.]|-\S))");
  static const Pattern alone(R"(^\s*(?:\\text\s*\{)?\s*\(?([A-J])\)?\.?\s*\}?\s*$)");
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos || std::string_view("\\(ABCDEFGHIJ").find(text[first]) == std::string_view::npos)
    return '\0';
  if (const auto match = before.find(text)) {
    const char label = match->group(text, 1)[0];
    text.erase(0, match->end());
    return label;
  }
  const auto match = alone.find(text);
  return match ? match->group(text, 1)[0] : '\0';
}

// Words that announce the answer within its own formula.
std::string without_announcement(const std::string& text) {
  static const Pattern announced(
      R"(^\s*(?:\\text\s*\{[^{}]*(?::|=|\bis|\bare)\s*\}\s*:?|\\text\s*\{\s*(?i:so|thus|hence|therefore|exactly|approximately|about|roughly|only|is|are|answer)\s*,?\s*\}|(?i:(?:the\s+)?(?:final\s+)?answer)\s*(?:is\b)?\s*[:=]?(?=[\s\d\\(\[-]))\s*(?=\S))");
  if (text.find("\\text") == std::string::npos && text.find("nswer") == std::string::npos) return text;
  return announced.replaced(text, [](const PatternMatch&) { return std::string(); });
}

}  // namespace

Normalized normalized(std::string_view latex, Boxes boxes) {
  Normalized out;
  std::string text = without_announcement(plain_latex(boxed_content(latex, boxes)));
  out.label = take_label(text);
  Measured measured = without_unit(std::move(text));
  out.unit = std::move(measured.unit);
  text = with_math_commands(measured.text);
  if (text.starts_with('.')) text.insert(0, "0");
  out.text = base::trim(with_whole_operators(std::move(text)));
  return out;
}

std::string normalized_latex(std::string_view latex, Boxes boxes) { return normalized(latex, boxes).text; }

}  // namespace muster::reward::math
