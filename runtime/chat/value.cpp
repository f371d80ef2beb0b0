#include "runtime/chat/value.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/chat/unicode.h"

namespace muster::chat {
namespace {

constexpr std::int64_t kBytesOfValue = sizeof(Value);

std::int64_t depth_above(std::int64_t deepest) {
  if (deepest >= Budget::kValueDepth)
    throw Error::user({.what = base::text("values are nested deeper than ", Budget::kValueDepth)});
  return deepest + 1;
}

[[noreturn]] void fail(const std::string& what) { throw Error::user({.what = what}); }

}  // namespace

Value Value::undefined(std::string what) {
  return Content(Undefined{std::make_shared<const std::string>(std::move(what))});
}

Value Value::text(std::string text, Budget& budget, bool safe) {
  budget.bytes(std::ssize(text) + kBytesOfValue);
  return Content(Text{std::make_shared<const std::string>(std::move(text)), safe});
}

Value Value::list(List items, Budget& budget, SequenceKind kind) {
  budget.bytes(static_cast<std::int64_t>(items.size() + 1) * kBytesOfValue);
  std::int64_t deepest = 0;
  for (const Value& item : items) deepest = std::max(deepest, item.depth());
  return Content(Sequence{std::make_shared<const List>(std::move(items)), kind, depth_above(deepest)});
}

Value Value::dict(Entries entries, Budget& budget) {
  budget.bytes(static_cast<std::int64_t>(entries.size() + 1) * 2 * kBytesOfValue);
  std::int64_t deepest = 0;
  for (const auto& [key, value] : entries) deepest = std::max({deepest, key.depth(), value.depth()});
  return Content(Dict{std::make_shared<const Entries>(std::move(entries)), depth_above(deepest)});
}

Value Value::from_json(const nlohmann::ordered_json& json, Budget& budget) {
  using Type = nlohmann::ordered_json::value_t;
  switch (json.type()) {
    case Type::boolean:
      return Content(json.get<bool>());
    case Type::number_integer:
      return Content(json.get<std::int64_t>());
    case Type::number_unsigned:
      if (json.get<std::uint64_t>() > INT64_MAX) fail("the number " + json.dump() + " is too large");
      return Content(json.get<std::int64_t>());
    case Type::number_float:
      return Content(json.get<double>());
    case Type::string:
      return text(json.get<std::string>(), budget);
    case Type::array: {
      List items;
      for (const auto& item : json) items.push_back(from_json(item, budget));
      return list(std::move(items), budget);
    }
    case Type::object: {
      Entries entries;
      for (const auto& [key, value] : json.items()) entries.emplace_back(text(key, budget), from_json(value, budget));
      return dict(std::move(entries), budget);
    }
    default:
      return {};
  }
}

const std::string* Value::as_text() const {
  const Text* text = as<Text>();
  return text ? text->text.get() : nullptr;
}
const List* Value::as_list() const {
  const Sequence* sequence = as<Sequence>();
  return sequence ? sequence->items.get() : nullptr;
}
const Entries* Value::as_dict() const {
  const Dict* dict = as<Dict>();
  return dict ? dict->entries.get() : nullptr;
}

bool Value::is_generator() const {
  const Sequence* sequence = as<Sequence>();
  return sequence && sequence->kind == SequenceKind::generator;
}

std::int64_t Value::whole() const {
  const bool* truth = as<bool>();
  return truth ? *truth : std::get<std::int64_t>(content_);
}

double Value::real() const {
  const double* number = as<double>();
  return number ? *number : static_cast<double>(whole());
}

bool Value::truth() const {
  if (is<Undefined>() || is<None>()) return false;
  if (is_number()) return real() != 0;
  if (const std::string* text = as_text()) return !text->empty();
  if (const List* items = as_list()) return is_generator() || !items->empty();
  if (const Entries* entries = as_dict()) return !entries->empty();
  return true;
}

const char* Value::type_name() const {
  constexpr const char* kNames[] = {"undefined", "NoneType", "bool",      "int",  "float", "str",
                                    "list",      "dict",     "namespace", "loop", "macro", "function"};
  const Sequence* sequence = as<Sequence>();
  if (sequence && sequence->kind != SequenceKind::list) return is_generator() ? "generator" : "tuple";
  return kNames[content_.index()];
}

std::int64_t Value::depth() const {
  if (const auto* sequence = as<Sequence>()) return sequence->depth;
  if (const auto* dict = as<Dict>()) return dict->depth;
  return 0;
}

bool equal(const Value& left, const Value& right, Budget& budget) {
  budget.steps();
  if (left.is_number() && right.is_number())
    return left.is_whole() && right.is_whole() ? left.whole() == right.whole() : left.real() == right.real();
  if (left.content().index() != right.content().index()) return false;
  if (const std::string* text = left.as_text()) {
    budget.steps(static_cast<std::int64_t>(std::min(text->size(), right.as_text()->size()) / 64));
    return *text == *right.as_text();
  }
  if (const Sequence* sequence = left.as<Sequence>()) {
    const List &ours = *sequence->items, &theirs = *right.as_list();
    if (sequence->kind != right.as<Sequence>()->kind) return false;
    return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                      [&](const Value& a, const Value& b) { return equal(a, b, budget); });
  }
  if (const Entries* ours = left.as_dict()) {
    const Entries& theirs = *right.as_dict();
    return ours->size() == theirs.size() && std::all_of(ours->begin(), ours->end(), [&](const auto& entry) {
             const Value* value = find(theirs, entry.first, budget);
             return value && equal(entry.second, *value, budget);
           });
  }
  if (const auto* space = left.as<Namespace*>()) return *space == *right.as<Namespace*>();
  if (const auto* loop = left.as<LoopState*>()) return *loop == *right.as<LoopState*>();
  if (const auto* macro = left.as<const Macro*>()) return *macro == *right.as<const Macro*>();
  if (const auto* function = left.as<Builtin>()) return function->name == right.as<Builtin>()->name;
  return true;  // none and undefined
}

bool less(const Value& left, const Value& right, Budget& budget) {
  budget.steps();
  if (left.is_number() && right.is_number())
    return left.is_whole() && right.is_whole() ? left.whole() < right.whole() : left.real() < right.real();
  if (left.as_text() && right.as_text()) {
    budget.steps(static_cast<std::int64_t>(std::min(left.as_text()->size(), right.as_text()->size()) / 64));
    return *left.as_text() < *right.as_text();  // UTF-8 has the order of code points
  }
  const Sequence *ours = left.as<Sequence>(), *theirs = right.as<Sequence>();
  if (ours && theirs && ours->kind == theirs->kind) {
    for (std::size_t i = 0; i < ours->items->size() && i < theirs->items->size(); ++i)
      if (!equal((*ours->items)[i], (*theirs->items)[i], budget))
        return less((*ours->items)[i], (*theirs->items)[i], budget);
    return ours->items->size() < theirs->items->size();
  }
  for (const Value* value : {&left, &right})
    if (const auto* undefined = value->as<Undefined>()) fail(*undefined->what);
  fail(base::text("'<' is not supported between ", left.type_name(), " and ", right.type_name()));
}

bool contains(const Value& container, const Value& item, Budget& budget) {
  if (const std::string* text = container.as_text()) {
    if (const auto* undefined = item.as<Undefined>()) fail(*undefined->what);
    if (!item.as_text()) fail(base::text("'in' a text needs a text on the left, not ", item.type_name()));
    charge_search(*text, *item.as_text(), budget);
    return text->find(*item.as_text()) != std::string::npos;
  }
  if (const List* items = container.as_list())
    return std::any_of(items->begin(), items->end(), [&](const Value& each) { return equal(each, item, budget); });
  if (const Entries* entries = container.as_dict()) return find(*entries, item, budget) != nullptr;
  if (container.is<Undefined>()) return false;
  fail(base::text("'in' needs a text, a list or a dict on the right, not ", container.type_name()));
}

const Value* find(const Entries& entries, const Value& key, Budget& budget) {
  budget.steps(1 + static_cast<std::int64_t>(entries.size() / 16));
  if (const std::string* name = key.as_text()) return find(entries, *name);
  for (const auto& entry : entries)
    if (!entry.first.as_text() && equal(entry.first, key, budget)) return &entry.second;
  return nullptr;
}

const Value* find(const Entries& entries, std::string_view key) {
  for (const auto& entry : entries) {
    const std::string* name = entry.first.as_text();
    if (name && *name == key) return &entry.second;
  }
  return nullptr;
}

void put(Entries& entries, const Value& key, Value value, Budget& budget) {
  if (const Value* known = find(entries, key, budget)) {
    const auto place =
        std::find_if(entries.begin(), entries.end(), [&](const auto& each) { return &each.second == known; });
    place->second = std::move(value);
  } else {
    entries.emplace_back(key, std::move(value));
  }
}

List items_of(const Value& value, Budget& budget) {
  List items;
  if (const List* list = value.as_list()) {
    items = *list;
  } else if (const Entries* entries = value.as_dict()) {
    for (const auto& entry : *entries) items.push_back(entry.first);
  } else if (const std::string* text = value.as_text()) {
    for (std::size_t at = 0; at < text->size();) {
      const std::size_t size = character_size(*text, at);
      items.push_back(Value::text(text->substr(at, size), budget));
      at += size;
    }
  } else if (!value.is<Undefined>()) {
    fail(base::text("one cannot go over ", value.type_name()));
  }
  budget.bytes(std::ssize(items) * kBytesOfValue);
  return items;
}

std::int64_t length_of(const Value& value, Budget& budget) {
  const List* list = value.as_list();
  if (list && !value.is_generator()) return static_cast<std::int64_t>(list->size());
  if (const Entries* entries = value.as_dict()) return static_cast<std::int64_t>(entries->size());
  if (const std::string* text = value.as_text()) {
    budget.steps(static_cast<std::int64_t>(text->size() / 64));
    return num_characters(*text);
  }
  if (value.is<Undefined>()) return 0;
  fail(base::text(value.type_name(), " has no length"));
}

}  // namespace muster::chat
