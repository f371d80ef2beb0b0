#include "runtime/reward/math/units.h"

#include <cctype>
#include <map>
#include <vector>

#include "runtime/base/text.h"
#include "runtime/reward/pattern.h"

namespace muster::reward::math {
namespace {

constexpr int kMaxParts = 3;  // of a unit: km / h

// Spellings without the s of the plural, by the unit that they are. Two answers with different ones are different.
const std::vector<std::pair<const char*, std::vector<const char*>>> kMeasures = {
    {"mm", {"mm", "millimeter", "millimetre"}},
    {"cm", {"cm", "centimeter", "centimetre"}},
    {"dm", {"dm", "decimeter", "decimetre"}},
    {"m", {"m", "meter", "metre", "mtr"}},
    {"km", {"km", "kilometer", "kilometre"}},
    {"inch", {"inch", "in"}},
    {"foot", {"ft", "foot", "feet"}},
    {"yard", {"yd", "yard"}},
    {"mile", {"mi", "mile"}},
    {"mg", {"mg", "milligram"}},
    {"g", {"g", "gm", "gram"}},
    {"kg", {"kg", "kilogram"}},
    {"pound", {"lb", "pound"}},
    {"second", {"s", "second", "sec"}},
    {"minute", {"minute", "min"}},
    {"hour", {"h", "hr", "hour"}},
    {"day", {"day"}},
    {"week", {"week"}},
    {"month", {"month"}},
    {"year", {"yr", "year"}},
    {"ml", {"ml", "milliliter", "millilitre"}},
    {"l", {"l", "liter", "litre"}},
    {"gallon", {"gal", "gallon"}},
    {"mph", {"mph", "miles per hour", "mile per hour"}},
    {"kmh", {"kmph", "kmh", "km per hour"}},
    {"cent", {"cent"}},
    {"dollar", {"dollar", "usd", "buck"}},
    {"euro", {"euro", "eur"}},
    {"acre", {"acre"}},
    {"hectare", {"hectare"}},
};

// Words that count something, or say more of a number than an answer needs.
const std::vector<const char*> kCounts = {
    "integerpoint", "digit",    "meal",      "edge",   "student",      "children ticket",
    "multiple",     "east",     "west",      "degree", "deg",          "monkey",
    "tile",         "gain",     "no change", "men",    "soldier",      "pie",
    "excess",       "noon",     "rise",      "mark",   "toy",          "coin",
    "profit",       "women",    "woman",     "rupee",  "round",        "ohm",
    "number",       "man",      "more",      "unit",   "apple",        "loss",
    "pure",         "increase", "decrease",  "less",   "people",       "person",
    "ticket",       "point",    "book",      "way",    "time",         "ball",
    "card",         "square",   "cube",      "cubic",  "profit of rs", "yuan",
    "yen",          "newton",   "joule",     "watt",   "volt",         "amp",
    "radian",       "rad"};
// Too short to stand for themselves behind anything but a plain number.
const std::vector<const char*> kShort = {"am", "pm", "cc", "mt", "rs"};

std::string alternatives(std::size_t least, std::size_t most, bool counts) {
  std::vector<std::string> words;
  const auto add = [&](std::string_view word) {
    if (word.size() >= least && word.size() <= most) words.emplace_back(word);
  };
  for (const auto& [unit, spellings] : kMeasures)
    for (const char* spelling : spellings) add(spelling);
  if (counts)
    for (const char* word : kCounts) add(word);
  for (const char* word : kShort) add(word);
  return base::join(words, "|");
}

const std::map<std::string, std::string>& measures() {
  static const std::map<std::string, std::string> all = [] {
    std::map<std::string, std::string> made;
    for (const auto& [unit, spellings] : kMeasures)
      for (const char* spelling : spellings) made[spelling] = unit;
    return made;
  }();
  return all;
}

// "square Feet" -> foot; empty for a word that is no measure.
std::string measure_of(std::string_view words) {
  static const Pattern extra(R"(^(?:square|sq\.?|cubic|cu\.?)\s+|\s*\^\s*\{?-?\d\}?|[.])");
  std::string name = base::trim(extra.replaced(base::trim(words), [](const PatternMatch&) { return std::string(); }));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char* plural : {"", "s", "es"}) {
    if (!name.ends_with(plural)) continue;
    const auto found = measures().find(name.substr(0, name.size() - std::string_view(plural).size()));
    if (found != measures().end()) return found->second;
  }
  return "";
}

class Units {
 public:
  explicit Units(std::string text) : text_(std::move(text)) {}

  Measured run() {
    while (num_parts_ < kMaxParts && take_text()) {
    }
    if (num_parts_ == 0) take_words();
    take_scale();
    return {text_, is_known_ ? unit_ : ""};
  }

 private:
  void add(std::string_view words) {
    const std::string unit = measure_of(words);
    is_known_ = (num_parts_ == 0 || is_known_) && !unit.empty();
    unit_ = unit_.empty() ? unit : unit + "/" + unit_;
    ++num_parts_;
  }

  // ... \text{ cm}^2; what is nothing but text stays.
  bool take_text() {
    static const Pattern worded(R"(\\(?:text|mbox)\s*\{([^{}]*)\}\s*(?:\^\s*\{?-?\d\}?)?\s*$)");
    static const Pattern joint(R"((?:/|\\cdot|\\times|\\[ ,;:!]|~|\s)+$)");
    if (text_.find("\\text") == std::string::npos && text_.find("\\mbox") == std::string::npos) return false;
    const auto match = worded.find(text_);
    if (!match) return false;
    const std::string before =
        base::trim(joint.replaced(text_.substr(0, match->begin()), [](const PatternMatch&) { return std::string(); }));
    if (before.empty()) return false;
    add(match->group(text_, 1));
    text_ = before;
    return true;
  }

  // Bare words.
  void take_words() {
    static const std::string kNumber =
        R"(^\s*(-?\s*(?:\d[\d,.\s]*?|\d*\s*\\frac\s*\{\d+\}\s*\{\d+\}|\d+\s*/\s*\d+)(?:\\[ ,;:!]|~)*))";
    static const std::string kOne = base::text(R"((?:(?:square|sq\.?|cubic|cu\.?)\s+)?(?:)", alternatives(2, 99, true),
                                               R"()(?:s|es)?\.?(?:\s*\^\s*\{?[23]\}?)?)");
    static const std::string kLetter = R"([mgshlL](?:\s*\^\s*\{?[23]\}?)?)";
    static const Pattern numbered(
        base::text(kNumber, R"(\s*()", kOne, R"((?:\s*(?:/|per)\s*(?:)", kOne, "|", kLetter, R"())?)\s*$)"));
    static const Pattern lettered(
        base::text(kNumber, R"((?:\s|\\[ ,;:!]|~)\s*()", kLetter, R"((?:\s*/\s*)", kLetter, R"()?)\s*$)"));
    static const Pattern behind(base::text(R"((\}|\s|\d)\s*(?:(?:square|sq\.?|cubic)\s+)?(()",
                                           alternatives(3, 99, true), R"()(?:s|es)?)\s*$)"));
    static const Pattern ordinal(R"(^(\s*\d+)\s*(?:\^\s*\{?\s*)?(?:\\text\s*\{\s*)?(?:st|nd|rd|th)\s*\}*\s*$)");
    if (!ends_like_a_word()) return;
    for (const Pattern* each : {&numbered, &lettered, &behind}) {
      const auto match = each->find(text_);
      if (!match) continue;
      std::string shorter = text_.substr(0, match->groups[1].end);
      if (base::trim(shorter).empty()) continue;
      for (const std::string& part : base::split(match->group(text_, 2), '/')) add(part);
      text_ = std::move(shorter);
      return;
    }
    if (const auto match = ordinal.find(text_)) text_ = match->group(text_, 1);
  }

  // A letter, or what may stand behind one.
  bool ends_like_a_word() const {
    const std::size_t last = text_.find_last_not_of(" .{}");
    if (last == std::string::npos) return false;
    const bool is_power = (text_[last] == '2' || text_[last] == '3') && text_.find('^') != std::string::npos;
    return is_power || std::isalpha(static_cast<unsigned char>(text_[last])) != 0;
  }

  // 90^\circ C
  void take_scale() {
    static const Pattern scale(R"((\^\s*\{?\s*\\circ\s*\}?)\s*[CFK]\s*$)");
    if (text_.find("circ") == std::string::npos) return;
    if (const auto match = scale.find(text_)) text_.resize(match->groups[1].end);
  }

  std::string text_, unit_;
  int num_parts_ = 0;
  bool is_known_ = false;
};

}  // namespace

Measured without_unit(std::string text) { return Units(std::move(text)).run(); }

bool units_differ(std::string_view a, std::string_view b) { return !a.empty() && !b.empty() && a != b; }

}  // namespace muster::reward::math
