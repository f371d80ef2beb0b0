// Filters of texts and numbers.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/chat/filters.h"
#include "runtime/chat/python_text.h"
#include "runtime/chat/unicode.h"

namespace muster::chat {
namespace {

[[noreturn]] void fail(const std::string& what) { throw Error::user({.what = what}); }
Value number(std::int64_t value) { return Value::Content(value); }
Value number(double value) { return Value::Content(value); }

void refuse_undefined(const Value& value) {
  if (const auto* undefined = value.as<Undefined>()) fail(*undefined->what);
}

Value mapped(const FilterCall& call, std::string (*map)(std::string_view)) {
  call.bound({});
  return call.made(map(call.text()));
}

Value default_value(const FilterCall& call) {
  const auto arguments = call.bound({"default_value", "boolean"});
  const bool is_missing = call.value.is<Undefined>() || (truth_argument(arguments[1], false) && !call.value.truth());
  if (!is_missing) return call.value;
  return arguments[0] ? *arguments[0] : call.made("");
}

Value trim(const FilterCall& call) {
  const Value* characters = call.bound({"chars"})[0];
  const std::string text = call.text();
  if (!characters || characters->is<None>()) return call.made(std::string(stripped(text, Side::both)));
  const std::string any = text_argument(characters, "");
  charge_search(text, any, call.budget);
  return call.made(std::string(stripped(text, Side::both, any)));
}

Value replace(const FilterCall& call) {
  const auto arguments = call.bound({"old", "new", "count"}, 2);
  const std::int64_t most =
      !arguments[2] || arguments[2]->is<None>() ? -1 : std::max<std::int64_t>(whole_argument(arguments[2], -1), -1);
  return call.made(replaced(call.text(), text_of(*arguments[0], call.budget), text_of(*arguments[1], call.budget), most,
                            call.budget));
}

Value indent(const FilterCall& call) {
  const auto arguments = call.bound({"width", "first", "blank"});
  if (!call.value.as_text()) fail(base::text("text is expected here, not ", call.value.type_name()));
  const std::string* given = arguments[0] ? arguments[0]->as_text() : nullptr;
  const std::int64_t width = given ? 0 : std::clamp<std::int64_t>(whole_argument(arguments[0], 4), 0, 10'000);
  const std::string margin = given ? *given : std::string(static_cast<std::size_t>(width), ' ');
  const bool with_blank = truth_argument(arguments[2], false);
  std::string out;
  bool is_first = true;
  for (const std::string& line : split_lines(call.text() + "\n", false)) {
    call.budget.bytes(static_cast<std::int64_t>(margin.size() + line.size() + 1));
    if (is_first ? truth_argument(arguments[1], false) : with_blank || !line.empty())
      out += (is_first ? "" : "\n") + margin + line;
    else
      out += (is_first ? "" : "\n") + line;
    is_first = false;
  }
  return call.made(std::move(out));
}

Value escape(const FilterCall& call) {
  call.bound({});
  if (const auto* text = call.value.as<Text>(); text && text->safe) return call.value;
  const std::string text = call.text();
  call.budget.bytes(std::ssize(text) * 5);
  return Value::text(escaped_html(text), call.budget, true);
}

Value to_json(const FilterCall& call) {
  const auto arguments = call.bound({"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = truth_argument(arguments[0], false);
  style.sort_keys = truth_argument(arguments[3], false);
  if (arguments[1] && !arguments[1]->is<None>()) {
    style.is_indented = true;
    style.item_separator = ",";
    const std::string* given = arguments[1]->as_text();
    style.indent =
        given
            ? *given
            : std::string(
                  static_cast<std::size_t>(std::clamp<std::int64_t>(whole_argument(arguments[1], 0), 0, 10'000)), ' ');
  }
  if (arguments[2] && !arguments[2]->is<None>()) {
    const List separators = items_of(*arguments[2], call.budget);
    if (separators.size() != 2) fail("separators are two texts");
    style.item_separator = text_argument(&separators[0], "");
    style.key_separator = text_argument(&separators[1], "");
  }
  return call.made(json_of(call.value, style, call.budget));
}

// What Python's int() and float() take: white space around, _ between digits.
template <class Number, class... Base>
std::optional<Number> parsed(const std::string& text, Base... base) {
  std::string word(stripped(text, Side::both));
  if (word.starts_with('_') || word.ends_with('_') || word.find("__") != std::string::npos) return std::nullopt;
  std::erase(word, '_');
  const std::size_t sign = word.starts_with('+') && !word.starts_with("+-");
  Number value{};
  const auto [end, code] = std::from_chars(word.data() + sign, word.data() + word.size(), value, base...);
  if (code != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> truncated(double value) {
  if (!(std::abs(value) < 9.2e18)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

Value to_whole(const FilterCall& call) {
  const auto arguments = call.bound({"default", "base"});
  const Value otherwise = arguments[0] ? *arguments[0] : number(std::int64_t{0});
  if (call.value.is_whole()) return number(call.value.whole());
  std::optional<std::int64_t> whole;
  if (const std::string* text = call.value.as_text()) {
    const std::int64_t base = whole_argument(arguments[1], 10);
    if (base < 2 || base > 36) fail("a base is 2 to 36");
    whole = parsed<std::int64_t>(*text, static_cast<int>(base));
    if (!whole)
      if (const auto real = parsed<double>(*text)) whole = truncated(*real);
  } else if (call.value.is_number()) {
    whole = truncated(call.value.real());
  }
  return whole ? number(*whole) : otherwise;
}

Value to_real(const FilterCall& call) {
  const Value* otherwise = call.bound({"default"})[0];
  if (call.value.is_number()) return number(call.value.real());
  if (const std::string* text = call.value.as_text())
    if (const auto real = parsed<double>(*text)) return number(*real);
  return otherwise ? *otherwise : number(0.0);
}

Value round(const FilterCall& call) {
  const auto arguments = call.bound({"precision", "method"});
  const auto precision = std::clamp<std::int64_t>(whole_argument(arguments[0], 0), -300, 300);
  const std::string method = text_argument(arguments[1], "common");
  refuse_undefined(call.value);
  if (!call.value.is_number()) fail(base::text("a number is expected here, not ", call.value.type_name()));
  if (method == "common" && call.value.is_whole() && precision >= 0) return number(call.value.whole());
  const double scale = std::pow(10.0, static_cast<double>(precision)), scaled = call.value.real() * scale;
  if (method == "ceil") return number(std::ceil(scaled) / scale);
  if (method == "floor") return number(std::floor(scaled) / scale);
  if (method != "common") fail("a method is common, ceil or floor");
  // As Python: the decimal digits of the number itself, rounded half to even.
  if (precision < 0) return number(std::nearbyint(scaled) / scale);
  return number(parsed<double>(base::number_text(call.value.real(), static_cast<int>(precision))).value_or(0));
}

Value absolute(const FilterCall& call) {
  call.bound({});
  refuse_undefined(call.value);
  if (call.value.is_whole() && call.value.whole() != INT64_MIN) return number(std::abs(call.value.whole()));
  if (!call.value.is_number()) fail(base::text("a number is expected here, not ", call.value.type_name()));
  return number(std::abs(call.value.real()));
}

constexpr std::array kFilters = {
    Filter{"abs", absolute},
    Filter{"capitalize", [](const FilterCall& call) { return mapped(call, capitalized); }},
    Filter{"d", default_value},
    Filter{"default", default_value},
    Filter{"e", escape},
    Filter{"escape", escape},
    Filter{"float", to_real},
    Filter{"indent", indent},
    Filter{"int", to_whole},
    Filter{"lower", [](const FilterCall& call) { return mapped(call, lower); }},
    Filter{"replace", replace},
    Filter{"round", round},
    Filter{"safe", [](const FilterCall& call) { return Value::text(call.text(), call.budget, true); }},
    Filter{"string", [](const FilterCall& call) { return call.value.as_text() ? call.value : call.made(call.text()); }},
    Filter{"title",
           [](const FilterCall& call) {
             call.bound({});
             return call.made(titled(call.text(), WordBreaks::filter));
           }},
    Filter{"tojson", to_json},
    Filter{"trim", trim},
    Filter{"upper", [](const FilterCall& call) { return mapped(call, upper); }}};

}  // namespace

const Filter* text_filter(const std::string& name) {
  for (const Filter& filter : kFilters)
    if (name == filter.name) return &filter;
  return nullptr;
}

}  // namespace muster::chat
