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
#include "runtime/reward/math/undress.h"
#include "runtime/reward/math/words.h"
#include "runtime/reward/pattern.h"

namespace muster::reward::math {
namespace {

// Up to so many formulas in a row, joined by commas, "and", "or", are one answer.
constexpr std::size_t kMaxJoined = 6;

enum class Source { formula, box, text, plain };

struct Anchor {
  int priority;  // lower ones are looked at first
  Source source;
  std::unique_ptr<Pattern> pattern;
  bool holds_box = false;
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
  if (!boxed) forms.emplace_back(R"((-?(?:(?<!\d)\d{1,9}\s?)?\\frac\{-?\d+(?:[.,]\d+)?\}\{-?\d+(?:[.,]\d+)?\}))");
  return base::text("(?|", base::join(forms, "|"), ")\\s*", kPercentWord, "?");
}

std::string formulas(bool boxed) {
  std::string all = formula(boxed);
  const std::string joint = boxed ? R"(\s*(?:,?and|,?or|,)\s*)" : R"(\s*(?:,?and|,?or|,)\s*)";
  for (std::size_t more = 1; more < kMaxJoined; ++more) all += base::text("(?:", joint, formula(boxed), ")?");
  return all;
}

// Groups: 1 arithmetic; or 2 whole part, 3 decimals, 4 power of ten, 5 percent.
const std::string kStart = R"((?:^|\s|=|#)(?:\*\*)?)";
const std::string kArithmetic =
    kStart + R"((-?\(?-?\d[\d.\s+\-*×/^()÷]{0,300}[+\-*×/^()÷][\d.\s+\-*×/^()÷]{1,300}\)?)(?:\*\*)?(?:[.,:\s)$]|$))";
const std::string kNumber =
    kStart +
    R"([$€£¥₹₽₪₩₫฿₡₢₣₤₥₦₧₨₭₮₯₰₱₲₳₴₵₶₷₸₺₻₼₾₿]?(?<!\d)(?|(-?[1-9]\d{0,2}(?:[ ,]\d{3})+(?!\d))(\.\d+)?|)"
    R"((-?\d+)([.,]\d+)|()(\.\d+)|(-?\d+)())([eE][+-]?\d{1,4}(?![\w.]))?(\s*(?:%|[Pp]ercentage|[Pp]ercent|[Pp]ct))?)";

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
    made.back().holds_box = true;
    add(50, Source::box, R"((\\boxed\{.+\}))");
    made.back().holds_box = true;
    add(50, Source::text, R"((?i:final answer.{0,100}?)\s+is:?)" + value);
    add(60, Source::formula, R"(####\s*)" + latex);
    add(60, Source::plain, R"(####()\s*([^\n]{1,200}))");
    add(60, Source::text, "####" + value);
    add(100, Source::formula, R"((?i:answer):.{0,50}?)" + latex);
    add(100, Source::plain, R"((?i:answer):()\s*([^\n]{1,200}))");
    add(100, Source::text, R"((?i:answer):(?:.{0,100}=\s*|.{0,50}?))" + value + not_equal);
    add(200, Source::formula, R"((?i:answer).{0,50}?)" + latex);
    add(200, Source::plain, R"((?i:answer)()\s*(?:\bis\b\s*[:=]?|=)\s*([^\n]{1,200}))");
    add(200, Source::text, R"((?i:answer)(?:.{0,100}=\s*|.{0,50}?))" + value + not_equal);
    add(300, Source::formula, latex);
    add(300, Source::plain, R"(\A(\s*)([^\n]{1,300})\s*\z)");
    add(300, Source::text, kArithmetic + "()()()()");
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
  Normalized last;
  const std::size_t per_formula = source == Source::box ? 1 : 2;
  for (std::size_t g = 1; g < match.groups.size(); g += per_formula) {
    if (!match.groups[g].set) continue;
    last = normalized(match.group(text, g), source == Source::box ? Boxes::last : Boxes::all);
    texts.push_back(last.text);
    const Expr value = read_latex(texts.back());
    const bool percent = source == Source::formula && match.groups[g + 1].set;
    values.push_back(percent ? percent_of(value) : value);
  }
  if (values.empty()) return {};
  if (values.size() == 1 || std::count(values.begin(), values.end(), nullptr) > 0)
    return {.value = values[0], .text = texts[0], .unit = last.unit, .label = last.label};
  std::vector<Expr> all;
  for (const Expr& value : values)
    if (value->kind == Kind::finite_set)
      all.insert(all.end(), value->args.begin(), value->args.end());
    else
      all.push_back(value);
  return {make(Kind::finite_set, std::move(all), kListName), base::join(texts, " and ")};
}

// A formula without signs around it, as far as its sentence goes. At `whole` the place is the whole text: a sum that
// stands there alone repeats the question.
Extracted from_plain(std::string_view text, const PatternMatch& match, bool whole) {
  static const Pattern sentence_end(R"([.!?;](?:\s|$)|,\s+(?:so|which|since|because|as|and so)\b)");
  std::string line = base::trim(match.group(text, 2));
  if (const auto end = sentence_end.find(line)) line.resize(end->begin());
  while (!line.empty() && std::string_view(".,:;!").find(line.back()) != std::string_view::npos) line.pop_back();
  static const Pattern letter(R"(^\(?[A-J]\)?$)");
  if (!is_bare_formula(line) && !letter.find(line)) return {};
  const Normalized formula = normalized(line, Boxes::all);
  Expr value = read_latex(formula.text);
  if (value && whole && !is_plain_value(value) && parse_arithmetic(line)) return {.text = line, .is_question = true};
  return {.value = value, .text = formula.text, .unit = formula.unit, .label = formula.label};
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
  const auto has = [&](std::size_t group) {
    return match.groups[group].set && match.groups[group].end > match.groups[group].begin;
  };
  const std::string power = has(4) ? std::string(match.group(text, 4)) : "";
  if (!power.empty()) value = scientific(whole + decimals + power);
  decimals += power;
  if (value && negative) value = negated(value);
  if (has(5)) value = percent_of(value);
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

Extracted read_place(const std::string& text, const Place& place) {
  const Anchor& anchor = *place.anchor;
  switch (anchor.source) {
    case Source::text:
      return from_text(text, place.match, anchor.priority < 300);
    case Source::plain:
      return from_plain(text, place.match, anchor.priority == 300);
    default:
      return from_formulas(text, place.match, anchor.source);
  }
}

// Answer:3 -> Answer: 3
std::string with_answers_apart(std::string text) {
  static const Pattern joined(R"((?i)(answer(?:\s+is)?\s*[:=])(?=[-+]?[\d.$]))");
  if (text.find("nswer") == std::string::npos && text.find("NSWER") == std::string::npos) return text;
  return joined.replaced(text, [&](const PatternMatch& match) { return std::string(match.group(text, 1)) + ' '; });
}

// Whether the text behind the last box takes it back and then says what the answer is.
bool box_is_taken_back(const std::string& text) {
  static const Pattern answer(
      R"((?i)\b(?:that(?:'s| is| was)(?: all)? (?:wrong|incorrect|not right|not correct|a mistake|an error)|wait|scratch that|correction|i made (?:a|an) (?:mistake|error))\b[^\n]{0,300}\banswer\b[^\n.]{0,60}[\d\\$])");
  const std::size_t last = text.rfind("\\boxed{");
  return last != std::string::npos && answer.find(std::string_view(text).substr(last)).has_value();
}

}  // namespace

Extracted extract_answer(std::string_view given) {
  if (given.size() > kMaxAnswerBytes) given.remove_prefix(given.size() - kMaxAnswerBytes);
  const std::string text = without_open_ends(with_answers_apart(undressed(given)));
  Extracted out;
  const std::vector<Anchor>& all = anchors();
  const bool skips_boxes = box_is_taken_back(text);
  for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
    std::vector<Place> places;
    for (last = first; last < all.size() && all[last].priority == all[first].priority; ++last)
      if (!(skips_boxes && all[last].holds_box))
        for (PatternMatch& match : all[last].pattern->find_all(text)) places.push_back({std::move(match), &all[last]});
    std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
      return a.match.end() != b.match.end() ? a.match.end() > b.match.end() : a.match.begin() < b.match.begin();
    });
    for (const Place& place : places) {
      Extracted found = read_place(text, place);
      if (found.is_question) return out;
      if (out.text.empty()) out.text = found.text;
      if (!found.value) continue;
      found.text = out.text;
      found.whole = place.match.begin() == 0 && place.match.end() == text.size();
      return found;
    }
  }
  return out;
}

Extracted extract_gold(std::string_view text) {
  const std::string gold = undressed(base::trim(text));
  Extracted found = extract_answer(gold);
  const bool dressed = gold.find('$') != std::string::npos || gold.find("\\boxed") != std::string::npos ||
                       gold.find("\\(") != std::string::npos || gold.find("\\[") != std::string::npos;
  static const Pattern prose(R"((?<![\\a-zA-Z])[a-zA-Z]{3,})");
  const bool latex = gold.find('\\') != std::string::npos || !prose.find(gold);
  if (dressed || found.whole || (found.value && !latex)) return found;
  Normalized formula = normalized(gold, Boxes::all);
  Extracted bare{.text = formula.text, .unit = formula.unit, .label = formula.label};
  bare.value = read_latex(bare.text);
  // What cannot be read as a formula is met by the same words.
  static const Pattern words(R"([\w\x{80}-\x{10FFFF}])");
  return bare.value || (found.text.empty() && latex && words.find(gold)) ? bare : found;
}

}  // namespace muster::reward::math
