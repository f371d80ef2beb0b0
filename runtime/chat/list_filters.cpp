// Filters of lists and dicts.
#include <algorithm>
#include <array>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/chat/access.h"
#include "runtime/chat/arithmetic.h"
#include "runtime/chat/filters.h"
#include "runtime/chat/python_text.h"
#include "runtime/chat/tests.h"
#include "runtime/chat/unicode.h"

namespace muster::chat {
namespace {

[[noreturn]] void fail(const std::string& what) { throw Error::user({.what = what}); }

Value generated(List items, Budget& budget) { return Value::list(std::move(items), budget, SequenceKind::generator); }

// item.a.0.b, as the parameter `attribute` of many filters names it; `otherwise` in place of what is undefined.
Value member_of(Value value, const Value& path, const Value* otherwise, Budget& budget) {
  if (!path.as_text()) return item_of(value, path, budget);
  for (const std::string& part : base::split(*path.as_text(), '.')) {
    const bool is_index =
        !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string::npos;
    value = item_of(value, is_index ? Value(Value::Content(std::int64_t{std::stol(part)})) : Value::text(part, budget),
                    budget);
    if (value.is<Undefined>() && otherwise) value = *otherwise;
  }
  return value;
}

// What items are compared by: a member of theirs, texts in lower case unless told otherwise.
Value key_of(const Value& item, const Value* attribute, bool case_sensitive, Budget& budget) {
  Value key = attribute && !attribute->is<None>() ? member_of(item, *attribute, nullptr, budget) : item;
  return key.as_text() && !case_sensitive ? Value::text(lower(*key.as_text()), budget) : key;
}

struct Keyed {
  Value key, item;
};

std::vector<Keyed> keyed(const List& items, const Value* attribute, bool case_sensitive, Budget& budget) {
  std::vector<Keyed> made;
  for (const Value& item : items) made.push_back({key_of(item, attribute, case_sensitive, budget), item});
  return made;
}

// Merge sort: an order that contradicts itself (nan) does no harm.
void sort_keyed(std::vector<Keyed>& all, bool reverse, Budget& budget) {
  std::stable_sort(all.begin(), all.end(), [&](const Keyed& a, const Keyed& b) {
    return reverse ? less(b.key, a.key, budget) : less(a.key, b.key, budget);
  });
}

List items_in(std::vector<Keyed> all) {
  List items;
  for (Keyed& each : all) items.push_back(std::move(each.item));
  return items;
}

Value sort(const FilterCall& call) {
  const auto arguments = call.bound({"reverse", "case_sensitive", "attribute"});
  auto all = keyed(items_of(call.value, call.budget), arguments[2], truth_argument(arguments[1], false), call.budget);
  sort_keyed(all, truth_argument(arguments[0], false), call.budget);
  return Value::list(items_in(std::move(all)), call.budget);
}

Value extreme(const FilterCall& call, bool largest) {
  const auto arguments = call.bound({"case_sensitive", "attribute"});
  const auto all =
      keyed(items_of(call.value, call.budget), arguments[1], truth_argument(arguments[0], false), call.budget);
  if (all.empty()) return Value::undefined("there is no item");
  const Keyed* best = &all[0];
  for (const Keyed& each : all)
    if (largest ? less(best->key, each.key, call.budget) : less(each.key, best->key, call.budget)) best = &each;
  return best->item;
}

Value unique(const FilterCall& call) {
  const auto arguments = call.bound({"case_sensitive", "attribute"});
  List seen, items;
  for (auto& [key, item] :
       keyed(items_of(call.value, call.budget), arguments[1], truth_argument(arguments[0], false), call.budget)) {
    const bool is_new = std::none_of(seen.begin(), seen.end(),
                                     [&, &own = key](const Value& each) { return equal(each, own, call.budget); });
    if (!is_new) continue;
    seen.push_back(key);
    items.push_back(item);
  }
  return generated(std::move(items), call.budget);
}

Value dict_items(const FilterCall& call, SequenceKind kind) {
  List items;
  const Entries* entries = call.value.as_dict();
  if (!entries && !call.value.is<Undefined>())
    fail("a dict is expected here, not " + std::string(call.value.type_name()));
  if (entries)
    for (const auto& [key, value] : *entries)
      items.push_back(Value::list({key, value}, call.budget, SequenceKind::tuple));
  return Value::list(std::move(items), call.budget, kind);
}

Value dict_sorted(const FilterCall& call) {
  const auto arguments = call.bound({"case_sensitive", "by", "reverse"});
  const std::string by = text_argument(arguments[1], "key");
  if (by != "key" && by != "value") fail("a dict is sorted by key or by value");
  const Value place = Value::Content(std::int64_t{by == "value"});
  auto all =
      keyed(*dict_items(call, SequenceKind::list).as_list(), &place, truth_argument(arguments[0], false), call.budget);
  sort_keyed(all, truth_argument(arguments[2], false), call.budget);
  return Value::list(items_in(std::move(all)), call.budget);
}

Value join(const FilterCall& call) {
  const auto arguments = call.bound({"d", "attribute"});
  const std::string between = arguments[0] ? text_of(*arguments[0], call.budget) : "";
  std::string out;
  bool first = true;
  for (const Value& item : items_of(call.value, call.budget)) {
    if (!std::exchange(first, false)) out += between;
    call.budget.bytes(std::ssize(between));
    const bool by_member = arguments[1] && !arguments[1]->is<None>();
    out += text_of(by_member ? member_of(item, *arguments[1], nullptr, call.budget) : item, call.budget);
  }
  return call.made(std::move(out));
}

Value reverse(const FilterCall& call) {
  call.bound({});
  List items = items_of(call.value, call.budget);
  std::reverse(items.begin(), items.end());
  if (!call.value.as_text()) return generated(std::move(items), call.budget);
  std::string text;
  for (const Value& character : items) text += *character.as_text();
  return call.made(std::move(text));
}

Value sum(const FilterCall& call) {
  const auto arguments = call.bound({"attribute", "start"});
  Value total = arguments[1] ? *arguments[1] : Value(Value::Content(std::int64_t{0}));
  for (const Value& item : items_of(call.value, call.budget)) {
    const bool by_member = arguments[0] && !arguments[0]->is<None>();
    total =
        arithmetic("+", total, by_member ? member_of(item, *arguments[0], nullptr, call.budget) : item, call.budget);
  }
  return total;
}

Value first(const FilterCall& call, bool from_end) {
  call.bound({});
  const List items = items_of(call.value, call.budget);
  if (items.empty()) return Value::undefined("there is no item");
  return from_end ? items.back() : items.front();
}

// The arguments behind the first `count`.
Arguments rest_of(const Arguments& arguments, std::size_t count) {
  Arguments rest = arguments;
  rest.positional.erase(rest.positional.begin(), rest.positional.begin() + static_cast<std::ptrdiff_t>(count));
  return rest;
}

std::string name_at(const FilterCall& call, std::size_t place, const char* what) {
  if (call.arguments.positional.size() <= place) fail("filter '" + call.name + "' needs the name of a " + what);
  return text_argument(&call.arguments.positional[place], "");
}

Value map(const FilterCall& call) {
  List items = items_of(call.value, call.budget);
  if (call.arguments.positional.empty()) {
    const auto arguments = call.bound({"attribute", "default"}, 1);
    for (Value& item : items) item = member_of(item, *arguments[0], arguments[1], call.budget);
    return generated(std::move(items), call.budget);
  }
  const std::string name = name_at(call, 0, "filter");
  if (!is_filter(name)) fail("filter '" + name + "' is not supported");
  const Arguments rest = rest_of(call.arguments, 1);
  for (Value& item : items) item = filtered(name, item, rest, call.budget);
  return generated(std::move(items), call.budget);
}

// select, reject, and with `by_member` selectattr and rejectattr.
Value select(const FilterCall& call, bool wanted, bool by_member) {
  const std::size_t before = by_member;
  if (by_member && call.arguments.positional.empty()) fail("filter '" + call.name + "' needs the name of a member");
  const bool has_test = call.arguments.positional.size() > before;
  const std::string test = has_test ? name_at(call, before, "test") : "";
  if (has_test && !is_test(test)) fail("test '" + test + "' is not supported");
  const Arguments rest = has_test ? rest_of(call.arguments, before + 1) : Arguments{};
  List taken;
  for (Value& item : items_of(call.value, call.budget)) {
    call.budget.steps();
    const Value subject = by_member ? member_of(item, call.arguments.positional[0], nullptr, call.budget) : item;
    if ((has_test ? passes(test, subject, rest, call.budget) : subject.truth()) == wanted)
      taken.push_back(std::move(item));
  }
  return generated(std::move(taken), call.budget);
}

Value length(const FilterCall& call) {
  call.bound({});
  return Value::Content(length_of(call.value, call.budget));
}

constexpr std::array kFilters = {Filter{"count", length},
                                 Filter{"dictsort", dict_sorted},
                                 Filter{"first", [](const FilterCall& call) { return first(call, false); }},
                                 Filter{"items",
                                        [](const FilterCall& call) {
                                          call.bound({});
                                          return dict_items(call, SequenceKind::generator);
                                        }},
                                 Filter{"join", join},
                                 Filter{"last", [](const FilterCall& call) { return first(call, true); }},
                                 Filter{"length", length},
                                 Filter{"list",
                                        [](const FilterCall& call) {
                                          call.bound({});
                                          return Value::list(items_of(call.value, call.budget), call.budget);
                                        }},
                                 Filter{"map", map},
                                 Filter{"max", [](const FilterCall& call) { return extreme(call, true); }},
                                 Filter{"min", [](const FilterCall& call) { return extreme(call, false); }},
                                 Filter{"reject", [](const FilterCall& call) { return select(call, false, false); }},
                                 Filter{"rejectattr", [](const FilterCall& call) { return select(call, false, true); }},
                                 Filter{"reverse", reverse},
                                 Filter{"select", [](const FilterCall& call) { return select(call, true, false); }},
                                 Filter{"selectattr", [](const FilterCall& call) { return select(call, true, true); }},
                                 Filter{"sort", sort},
                                 Filter{"sum", sum},
                                 Filter{"unique", unique}};

}  // namespace

const Filter* list_filter(const std::string& name) {
  for (const Filter& filter : kFilters)
    if (name == filter.name) return &filter;
  return nullptr;
}

}  // namespace muster::chat
