#include "runtime/chat/access.h"

#include <algorithm>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/chat/arguments.h"
#include "runtime/chat/methods.h"
#include "runtime/chat/python_text.h"
#include "runtime/chat/unicode.h"

namespace muster::chat {
namespace {

[[noreturn]] void fail(const std::string& what) { throw Error::user({.what = what}); }

void refuse_undefined(const Value& value) {
  if (const auto* undefined = value.as<Undefined>()) fail(*undefined->what);
}

Value missing(const Value& value, const std::string& name) {
  return Value::undefined(base::text(value.type_name(), " has no '", name, "'"));
}

std::optional<Value> loop_attribute(const LoopState& loop, const std::string& name) {
  const auto index = static_cast<std::int64_t>(loop.index), length = std::ssize(loop.items);
  const auto number = [](std::int64_t value) { return Value(Value::Content(value)); };
  const auto truth = [](bool value) { return Value(Value::Content(value)); };
  if (name == "index") return number(index + 1);
  if (name == "index0") return number(index);
  if (name == "revindex") return number(length - index);
  if (name == "revindex0") return number(length - index - 1);
  if (name == "length") return number(length);
  if (name == "depth") return number(loop.depth);
  if (name == "depth0") return number(loop.depth - 1);
  if (name == "first") return truth(index == 0);
  if (name == "last") return truth(index + 1 == length);
  if (name == "previtem") return index > 0 ? loop.items[loop.index - 1] : Value::undefined("there is no previous item");
  if (name == "nextitem")
    return index + 1 < length ? loop.items[loop.index + 1] : Value::undefined("there is no next item");
  return std::nullopt;
}

std::optional<Value> own_attribute(const Value& value, const std::string& name) {
  if (const auto* space = value.as<Namespace*>())
    for (const auto& [key, member] : (*space)->attributes)
      if (key == name) return member;
  if (const auto* loop = value.as<LoopState*>())
    if (auto member = loop_attribute(**loop, name)) return member;
  if (has_method(value, name)) return Value(Value::Content(Builtin{"method"}));
  return std::nullopt;
}

// Python's slice.indices(): the first place, and how many.
struct Range {
  std::int64_t begin, count;
};
Range range_of(std::int64_t size, const Value* from, const Value* to, std::int64_t step) {
  const auto bound = [&](const Value* value, std::int64_t otherwise) {
    if (!value || value->is<None>()) return otherwise;
    std::int64_t at = whole_argument(value, 0);
    if (at < 0) at = at < -size ? (step < 0 ? -1 : 0) : at + size;
    return std::min(at, step < 0 ? size - 1 : size);
  };
  const std::int64_t begin = bound(from, step < 0 ? size - 1 : 0), end = bound(to, step < 0 ? -1 : size);
  const std::int64_t span = step < 0 ? begin - end : end - begin, stride = step < 0 ? -step : step;
  return {begin, span <= 0 ? 0 : (span - 1) / stride + 1};
}

}  // namespace

Value attribute_of(const Value& value, const std::string& name, Budget& budget) {
  refuse_undefined(value);
  if (auto own = own_attribute(value, name)) return std::move(*own);
  if (const Entries* entries = value.as_dict()) {
    budget.steps(1 + static_cast<std::int64_t>(entries->size() / 16));
    if (const Value* member = find(*entries, name)) return *member;
  }
  return missing(value, name);
}

Value item_of(const Value& value, const Value& key, Budget& budget) {
  refuse_undefined(value);
  if (const Entries* entries = value.as_dict()) {
    if (const Value* member = find(*entries, key, budget)) return *member;
  } else if (key.is_whole()) {
    const List* items = value.is_generator() ? nullptr : value.as_list();
    const std::string* text = value.as_text();
    if (!items && !text) return missing(value, repr_of(key, budget));
    const std::int64_t size = length_of(value, budget);
    const std::int64_t index = key.whole() < 0 ? key.whole() + size : key.whole();
    if (index < 0 || index >= size) return Value::undefined(base::text("there is no item ", key.whole(), " of ", size));
    if (items) return (*items)[index];
    budget.steps(index / 16);
    const std::size_t at = byte_of(*text, index);
    return Value::text(text->substr(at, character_size(*text, at)), budget);
  }
  if (const std::string* name = key.as_text())
    if (auto own = own_attribute(value, *name)) return std::move(*own);
  return missing(value, text_of(key, budget));
}

Value slice_of(const Value& value, const Value* from, const Value* to, const Value* step_value, Budget& budget) {
  refuse_undefined(value);
  const std::int64_t step = !step_value || step_value->is<None>() ? 1 : whole_argument(step_value, 1);
  if (step == 0 || step == INT64_MIN) fail("the step of a slice cannot be 0");
  const std::string* text = value.as_text();
  const List* items = value.is_generator() ? nullptr : value.as_list();
  if (!text && !items) fail(base::text(value.type_name(), " cannot be sliced"));
  const Range range = range_of(length_of(value, budget), from, to, step);
  budget.steps(range.count / 16);
  if (items) {
    List taken;
    for (std::int64_t i = 0; i < range.count; ++i) taken.push_back((*items)[range.begin + i * step]);
    return Value::list(std::move(taken), budget, value.as<Sequence>()->kind);
  }
  if (step == 1) {
    const std::size_t begin = byte_of(*text, range.begin);
    return Value::text(text->substr(begin, byte_of(std::string_view(*text).substr(begin), range.count)), budget);
  }
  const List characters = items_of(value, budget);
  std::string taken;
  for (std::int64_t i = 0; i < range.count; ++i) taken += *characters[range.begin + i * step].as_text();
  return Value::text(std::move(taken), budget);
}

}  // namespace muster::chat
