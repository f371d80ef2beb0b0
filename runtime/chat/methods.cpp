#include "runtime/chat/methods.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"
#include "runtime/chat/python_text.h"
#include "runtime/chat/unicode.h"

namespace muster::chat {
namespace {

[[noreturn]] void fail(const std::string& what) { throw Error::user({.what = what}); }

struct Call {
  const Value& self;
  const std::string& name;
  const Arguments& arguments;
  Budget& budget;

  const std::string& text() const { return *self.as_text(); }
  std::vector<const Value*> bound(std::initializer_list<const char*> parameters, std::size_t least = 0) const {
    return arguments.bound("method '" + name + "'", parameters, least);
  }
  Value made(std::string text) const { return Value::text(std::move(text), budget); }
  Value made(const std::vector<std::string>& parts, SequenceKind kind = SequenceKind::list) const {
    List items;
    for (const std::string& part : parts) items.push_back(made(part));
    return Value::list(std::move(items), budget, kind);
  }
};

Value number(std::int64_t value) { return Value::Content(value); }
Value truth(bool value) { return Value::Content(value); }

std::int64_t most_of(const Value* value) { return std::max<std::int64_t>(whole_argument(value, -1), -1); }

const std::string& needed_text(const Value* value) {
  const std::string* text = value->as_text();
  if (!text) fail(base::text("an argument has to be text, not ", value->type_name()));
  return *text;
}

// ---- of text

Value strip(const Call& call, Side side) {
  const Value* characters = call.bound({"chars"})[0];
  if (!characters || characters->is<None>()) return call.made(std::string(stripped(call.text(), side)));
  charge_search(call.text(), needed_text(characters), call.budget);
  return call.made(std::string(stripped(call.text(), side, needed_text(characters))));
}

Value split(const Call& call, bool from_right) {
  const auto arguments = call.bound({"sep", "maxsplit"});
  const std::int64_t most = most_of(arguments[1]);
  if (!arguments[0] || arguments[0]->is<None>()) return call.made(split_at_space(call.text(), most, from_right));
  const std::string& separator = needed_text(arguments[0]);
  if (separator.empty()) fail("an empty separator");
  charge_search(call.text(), separator, call.budget);
  return call.made(split_at(call.text(), separator, most, from_right));
}

Value partition(const Call& call, bool from_right) {
  const std::string& separator = needed_text(call.bound({"sep"}, 1)[0]);
  if (separator.empty()) fail("an empty separator");
  charge_search(call.text(), separator, call.budget);
  auto parts = split_at(call.text(), separator, 1, from_right);
  if (parts.size() == 1)
    parts = from_right ? std::vector<std::string>{"", "", parts[0]} : std::vector<std::string>{parts[0], "", ""};
  else
    parts = {parts[0], separator, parts[1]};
  return call.made(parts, SequenceKind::tuple);
}

// Whether the text begins (ends) with the argument, or with one of a tuple.
Value has_edge(const Call& call, bool at_end) {
  const Value& edge = *call.bound({"prefix"}, 1)[0];
  const auto fits = [&](const Value& each) {
    const std::string& part = needed_text(&each);
    return at_end ? call.text().ends_with(part) : call.text().starts_with(part);
  };
  if (const List* edges = edge.as_list()) return truth(std::any_of(edges->begin(), edges->end(), fits));
  return truth(fits(edge));
}

Value find_text(const Call& call, bool from_right, bool must_be_there) {
  const std::string& part = needed_text(call.bound({"sub"}, 1)[0]);
  charge_search(call.text(), part, call.budget);
  const std::size_t at = from_right ? call.text().rfind(part) : call.text().find(part);
  if (at == std::string::npos && must_be_there) fail("the text is not found");
  if (at == std::string::npos) return number(-1);
  return number(num_characters(std::string_view(call.text()).substr(0, at)));
}

Value count_text(const Call& call) {
  const std::string& part = needed_text(call.bound({"sub"}, 1)[0]);
  if (part.empty()) return number(num_characters(call.text()) + 1);
  charge_search(call.text(), part, call.budget);
  std::int64_t count = 0;
  for (std::size_t at = 0; (at = call.text().find(part, at)) != std::string::npos; at += part.size()) ++count;
  return number(count);
}

Value replace(const Call& call) {
  const auto arguments = call.bound({"old", "new", "count"}, 2);
  return call.made(
      replaced(call.text(), needed_text(arguments[0]), needed_text(arguments[1]), most_of(arguments[2]), call.budget));
}

Value without_edge(const Call& call, bool at_end) {
  const std::string& part = needed_text(call.bound({"prefix"}, 1)[0]);
  const std::string& text = call.text();
  if (at_end) return call.made(text.ends_with(part) ? text.substr(0, text.size() - part.size()) : text);
  return call.made(text.starts_with(part) ? text.substr(part.size()) : text);
}

Value join(const Call& call) {
  std::string out;
  bool first = true;
  for (const Value& item : items_of(*call.bound({"iterable"}, 1)[0], call.budget)) {
    call.budget.bytes(static_cast<std::int64_t>(call.text().size() + needed_text(&item).size()));
    if (!std::exchange(first, false)) out += call.text();
    out += needed_text(&item);
  }
  return call.made(std::move(out));
}

Value all_characters(const Call& call, bool (*is_kind)(std::int32_t)) {
  call.bound({});
  const std::string& text = call.text();
  for (std::size_t at = 0; at < text.size(); at += character_size(text, at))
    if (!is_kind(base::code_point(std::string_view(text).substr(at, character_size(text, at))))) return truth(false);
  return truth(!text.empty());
}

Value is_cased(const Call& call, std::string (*made)(std::string_view), std::string (*other)(std::string_view)) {
  call.bound({});
  return truth(made(call.text()) == call.text() && other(call.text()) != call.text());
}

Value mapped(const Call& call, std::string (*map)(std::string_view)) {
  call.bound({});
  return call.made(map(call.text()));
}

struct Method {
  const char* name;
  Value (*run)(const Call&);
};

constexpr std::array kTextMethods = {
    Method{"capitalize", [](const Call& call) { return mapped(call, capitalized); }},
    Method{"count", count_text},
    Method{"endswith", [](const Call& call) { return has_edge(call, true); }},
    Method{"find", [](const Call& call) { return find_text(call, false, false); }},
    Method{"index", [](const Call& call) { return find_text(call, false, true); }},
    Method{"isalnum",
           [](const Call& call) {
             return all_characters(call, [](std::int32_t point) { return is_letter(point) || is_digit(point); });
           }},
    Method{"isalpha", [](const Call& call) { return all_characters(call, is_letter); }},
    Method{"isdigit", [](const Call& call) { return all_characters(call, is_digit); }},
    Method{"islower", [](const Call& call) { return is_cased(call, lower, upper); }},
    Method{"isspace", [](const Call& call) { return all_characters(call, is_space); }},
    Method{"isupper", [](const Call& call) { return is_cased(call, upper, lower); }},
    Method{"join", join},
    Method{"lower", [](const Call& call) { return mapped(call, lower); }},
    Method{"lstrip", [](const Call& call) { return strip(call, Side::left); }},
    Method{"partition", [](const Call& call) { return partition(call, false); }},
    Method{"removeprefix", [](const Call& call) { return without_edge(call, false); }},
    Method{"removesuffix", [](const Call& call) { return without_edge(call, true); }},
    Method{"replace", replace},
    Method{"rfind", [](const Call& call) { return find_text(call, true, false); }},
    Method{"rpartition", [](const Call& call) { return partition(call, true); }},
    Method{"rsplit", [](const Call& call) { return split(call, true); }},
    Method{"rstrip", [](const Call& call) { return strip(call, Side::right); }},
    Method{"split", [](const Call& call) { return split(call, false); }},
    Method{
        "splitlines",
        [](const Call&
               call) { return call.made(split_lines(call.text(), truth_argument(call.bound({"keepends"})[0], false))); }},
    Method{"startswith", [](const Call& call) { return has_edge(call, false); }},
    Method{"strip", [](const Call& call) { return strip(call, Side::both); }},
    Method{
        "title",
        [](const Call& call) {
          call.bound({});
          return call.made(titled(call.text(), WordBreaks::python));
        }},
    Method{"upper", [](const Call& call) { return mapped(call, upper); }}};

// ---- of dicts and lists

Value entries_of(const Call& call, Value (*take)(const Call&, const std::pair<Value, Value>&)) {
  call.bound({});
  List items;
  for (const auto& entry : *call.self.as_dict()) items.push_back(take(call, entry));
  return Value::list(std::move(items), call.budget);
}

constexpr std::array kDictMethods = {
    Method{"get",
           [](const Call& call) {
             const auto arguments = call.bound({"key", "default"}, 1);
             const Value* found = find(*call.self.as_dict(), *arguments[0], call.budget);
             return found ? *found : arguments[1] ? *arguments[1] : Value();
           }},
    Method{"items",
           [](const Call& call) {
             return entries_of(call, [](const Call& each, const std::pair<Value, Value>& entry) {
               return Value::list({entry.first, entry.second}, each.budget, SequenceKind::tuple);
             });
           }},
    Method{"keys",
           [](const Call& call) {
             return entries_of(call, [](const Call&, const std::pair<Value, Value>& entry) { return entry.first; });
           }},
    Method{"values", [](const Call& call) {
             return entries_of(call, [](const Call&, const std::pair<Value, Value>& entry) { return entry.second; });
           }}};

constexpr std::array kListMethods = {Method{"count",
                                            [](const Call& call) {
                                              const Value& item = *call.bound({"value"}, 1)[0];
                                              std::int64_t count = 0;
                                              for (const Value& each : *call.self.as_list())
                                                count += equal(each, item, call.budget);
                                              return number(count);
                                            }},
                                     Method{"index", [](const Call& call) {
                                              const Value& item = *call.bound({"value"}, 1)[0];
                                              const List& items = *call.self.as_list();
                                              for (std::size_t i = 0; i < items.size(); ++i)
                                                if (equal(items[i], item, call.budget))
                                                  return number(static_cast<std::int64_t>(i));
                                              fail("the value is not in the list");
                                            }}};

template <class Methods>
const Method* method_in(const Methods& methods, const std::string& name) {
  for (const Method& method : methods)
    if (name == method.name) return &method;
  return nullptr;
}

const Method* method_of(const Value& value, const std::string& name) {
  if (value.as_text()) return method_in(kTextMethods, name);
  if (value.as_dict()) return method_in(kDictMethods, name);
  if (value.as_list() && !value.is_generator()) return method_in(kListMethods, name);
  return nullptr;
}

}  // namespace

bool has_method(const Value& value, const std::string& name) { return method_of(value, name) != nullptr; }

Value call_method(const Value& value, const std::string& name, const Arguments& arguments, Budget& budget) {
  const Method* method = method_of(value, name);
  if (!method) fail(base::text("method '", name, "' of ", value.type_name(), " is not supported"));
  if (const std::string* text = value.as_text()) budget.steps(1 + static_cast<std::int64_t>(text->size() / 16));
  return method->run({value, name, arguments, budget});
}

}  // namespace muster::chat
