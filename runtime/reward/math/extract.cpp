#include "runtime/reward/math/extract.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "runtime/base/text.h"
#include "runtime/reward/math/arithmetic.h"
#include "runtime/reward/math/build.h"
#include "runtime/reward/math/normalize.h"
#include "runtime/reward/math/parser.h"
#include "runtime/reward/pattern.h"

namespace muster::reward::math {
namespace {

// Up to so many formulas in a row, joined by commas, "and", "or", are one answer.
constexpr std::size_t kMaxJoined = 6;

enum class Source { formula, box, text };

struct Anchor {
  int priority;  // lower ones are looked at first
  Source source;
  std::unique_ptr<Pattern> pattern;
};

const std::string kPercentWord = R"((\\?%|[Pp]ercentage|[Pp]ercent|[Pp]ct))";

// One formula between its signs: group 1 its content, group 2 a percent sign behind it. The contents cannot hold their
// own closing sign, so possessive repeats lose nothing and keep the search linear.
std::string formula(bool boxed) {
  const auto between = [&](const std::string& open, const std::string& inside, const std::string& close) {
    const std::string box = boxed ? base::text("(?=", inside, "*?\\\\boxed\\{", inside, "+?\\})") : "";
    return base::text(open, box, "(", inside, "++)", close);
  };
  std::vector<std::string> forms = {
      between(R"((?<!\\)\$\$)", R"((?:[^$]|\$(?!\$)))", R"((?<!\\)\$\$)"),
      between(R"((?<!\\)\\\[)", R"((?:[^\\]|\\(?!\])))", R"((?<!\\)\\\])"),
      between(R"((?<![\\\d])\$)", R"((?:\\\$|[^\n$]))", R"((?<!\\)\$)"),
      between(R"((?<!\\)\\\()", R"((?:[^\\\n]|\\(?!\))))", R"((?<!\\)\\\))"),
      between(R"(\s\[)", R"([^\n\]\[])", R"(\]\s)"),
  };
  if (!boxed) forms.emplace_back(R"((-?\\frac\{-?\d+(?:[.,]\d+)?\}\{-?\d+(?:[.,]\d+)?\}))");
  return base::text("(?|", base::join(forms, "|"), ")\\s*", kPercentWord, "?");
}

std::string formulas(bool boxed) {
  std::string all = formula(boxed);
  const std::string joint = boxed ? R"(\s*(?:,?and|,?or|,)\s*)" : R"(\s*(?:,?and|,?or|,)\s*)";
  for (std::size_t more = 1; more < kMaxJoined; ++more) all += base::text("(?:", joint, formula(boxed), ")?");
  return all;
}

// Groups: 1 arithmetic; or 2 whole part, 3 decimals, 4 percent.
const std::string kStart = R"((?:^|\s|=)(?:\*\*)?)";
const std::string kArithmetic =
    kStart + R"((-?\(?-?\d[\d.\s+\-*×/^()÷]{0,300}[+\-*×/^()÷][\d.\s+\-*×/^()÷]{1,300}\)?)(?:\*\*)?(?:[.,:\s)$]|$))";
const std::string kNumber =
    kStart +
    R"([$€£¥₹₽₪₩₫฿₡₢₣₤₥₦₧₨₭₮₯₰₱₲₳₴₵₶₷₸₺₻₼₾₿]?(?<!\d)(?|(-?[1-9]\d{0,2}(?:[ ,]\d{3})+)(\.\d+)?|)"
    R"((-?\d+)([.,]\d+)|()(\.\d+)|(-?\d+)())(\s*(?:%|[Pp]ercentage|[Pp]ercent|[Pp]ct))?)";

const std::vector<Anchor>& anchors() {
  static const std::vector<Anchor> all = [] {
    std::vector<Anchor> made;
    const auto add = [&](int priority, Source source, const std::string& expression) {
      made.push_back(
          {priority, source, std::make_unique<Pattern>(expression, Pattern::Options{source != Source::text})});
    };
    const std::string latex = formulas(false), value = base::text("(?:", kArithmetic, "|", kNumber, ")");
    const std::string not_equal = R"((?!\s*=))";
    add(0, Source::formula, R"((?i:final answer is):?\s*)" + latex + R"(\.?\s?I hope)");
    add(0, Source::text, R"((?i:final answer is):?\s*)" + value + R"(\.?\s?I hope)");
    add(50, Source::formula, R"((?i:final answer.{0,100}?)\s+is:?\s*)" + latex);
    add(50, Source::formula, formulas(true));
    add(50, Source::box, R"((\\boxed\{.+\}))");
    add(50, Source::text, R"((?i:final answer.{0,100}?)\s+is:?)" + value);
    add(100, Source::formula, R"((?i:answer):.{0,50}?)" + latex);
    add(100, Source::text, R"((?i:answer):(?:.{0,100}=\s*|.{0,50}?))" + value + not_equal);
    add(200, Source::formula, R"((?i:answer).{0,50}?)" + latex);
    add(200, Source::text, R"((?i:answer)(?:.{0,100}=\s*|.{0,50}?))" + value + not_equal);
    add(300, Source::formula, latex);
    add(300, Source::text, kArithmetic + "()()()");
    add(300, Source::text, "()" + kNumber);
    return made;
  }();
  return all;
}

Expr percent_of(const Expr& value) { return value ? make(Kind::percent, {value}) : nullptr; }

// Only the last side of a = b = c, where the whole cannot be read.
std::string last_side(const std::string& latex) {
  if (latex.find_first_of(",;") != std::string::npos) return latex;
  static const Pattern equals(R"((?<![\\<!>])=)");
  const auto signs = equals.find_all(latex);
  return signs.size() > 1 ? latex.substr(signs.back().end()) : latex;
}

Expr read_latex(const std::string& latex) {
  if (Expr value = parse_latex(latex)) return value;
  const std::string last = last_side(latex);
  return last != latex ? parse_latex(last) : nullptr;
}

Extracted from_formulas(std::string_view text, const PatternMatch& match, Source source) {
  std::vector<Expr> values;
  std::vector<std::string> texts;
  const std::size_t per_formula = source == Source::box ? 1 : 2;
  for (std::size_t g = 1; g < match.groups.size(); g += per_formula) {
    if (!match.groups[g].set) continue;
    texts.push_back(normalized_latex(match.group(text, g), source == Source::box ? Boxes::last : Boxes::all));
    const Expr value = read_latex(texts.back());
    const bool percent = source == Source::formula && match.groups[g + 1].set;
    values.push_back(percent ? percent_of(value) : value);
  }
  if (values.empty()) return {};
  if (values.size() == 1 || std::count(values.begin(), values.end(), nullptr) > 0) return {values[0], texts[0]};
  std::vector<Expr> all;
  for (const Expr& value : values)
    if (value->kind == Kind::finite_set)
      all.insert(all.end(), value->args.begin(), value->args.end());
    else
      all.push_back(value);
  return {make(Kind::finite_set, std::move(all)), base::join(texts, " and ")};
}

// Sums and products in running text count only where the text says that they are the answer: who repeats the question
// has not answered it.
Extracted from_text(std::string_view text, const PatternMatch& match, bool anchored) {
  if (match.groups[1].set && match.groups[1].end > match.groups[1].begin) {
    const std::string_view written = match.group(text, 1);
    const Expr value = parse_arithmetic(written);
    if (value && !anchored && !is_plain_value(value)) return {};
    return {value, std::string(written)};
  }
  std::string whole;
  for (const char c : match.group(text, 2))
    if (c != ',' && c != ' ') whole += c;
  const bool negative = whole.starts_with('-');
  if (negative) whole.erase(0, 1);
  std::string decimals(match.group(text, 3));
  if (decimals.starts_with(',')) decimals[0] = '.';
  Expr value = number_of(whole + decimals);
  if (value && negative) value = negated(value);
  if (match.groups[4].set && match.groups[4].end > match.groups[4].begin) value = percent_of(value);
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  return {value, (negative ? "-" : "") + (whole.empty() ? "0" : whole) + decimals};
}

// Openers without a closer behind them, made unreadable: otherwise each would be searched to the end of the text.
std::string without_open_ends(std::string text) {
  for (const auto& [open, close] : {std::pair{'(', ')'}, std::pair{'[', ']'}}) {
    const std::size_t last = text.rfind(std::string{'\\', close});
    for (std::size_t at = last == std::string::npos ? 0 : last; at + 1 < text.size(); ++at)
      if (text[at] == '\\' && text[at + 1] == open) text[at + 1] = '\x01';
  }
  return text;
}

struct Place {
  PatternMatch match;
  const Anchor* anchor;
};

}  // namespace

Extracted extract_answer(std::string_view given) {
  if (given.size() > kMaxAnswerBytes) given.remove_prefix(given.size() - kMaxAnswerBytes);
  const std::string text = without_open_ends(std::string(given));
  Extracted out;
  const std::vector<Anchor>& all = anchors();
  for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
    std::vector<Place> places;
    for (last = first; last < all.size() && all[last].priority == all[first].priority; ++last)
      for (PatternMatch& match : all[last].pattern->find_all(text)) places.push_back({std::move(match), &all[last]});
    std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
      return a.match.end() != b.match.end() ? a.match.end() > b.match.end() : a.match.begin() < b.match.begin();
    });
    for (const Place& place : places) {
      Extracted found = place.anchor->source == Source::text
                            ? from_text(text, place.match, place.anchor->priority < 300)
                            : from_formulas(text, place.match, place.anchor->source);
      if (out.text.empty()) out.text = found.text;
      if (!found.value) continue;
      out.value = found.value;
      out.whole = place.match.begin() == 0 && place.match.end() == text.size();
      return out;
    }
  }
  return out;
}

Extracted extract_gold(std::string_view text) {
  const std::string gold = base::trim(text);
  Extracted found = extract_answer(gold);
  const bool dressed = gold.find('$') != std::string::npos || gold.find("\\boxed") != std::string::npos ||
                       gold.find("\\(") != std::string::npos || gold.find("\\[") != std::string::npos;
  static const Pattern prose(R"((?<![\\a-zA-Z])[a-zA-Z]{3,})");
  const bool latex = gold.find('\\') != std::string::npos || !prose.find(gold);
  if (dressed || found.whole || (found.value && !latex)) return found;
  Extracted bare{nullptr, normalized_latex(gold, Boxes::all)};
  bare.value = read_latex(bare.text);
  return bare.value ? bare : found;
}

}  // namespace muster::reward::math
