// A value of a template, with Python's meaning: what is true, equal, smaller. Texts, lists and dicts are shared and
// never change; a namespace is the one thing that does.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/chat/budget.h"

namespace muster::chat {

class Value;
using List = std::vector<Value>;
using Entries = std::vector<std::pair<Value, Value>>;  // of a dict, in the order in which they were put in

/// A name or a member that is not there: prints as nothing, is false and empty, and is an error in most operations.
struct Undefined {
  std::shared_ptr<const std::string> what;  // "'tools' is undefined"
};
struct None {};
struct Text {
  std::shared_ptr<const std::string> text;
  bool safe = false;  // of the filters safe and escape: what is added to it is escaped
};
/// What Python makes lazily (of the filters map, select ...) is made at once here, but still has no length and is true.
enum class SequenceKind { list, tuple, generator };
struct Sequence {
  std::shared_ptr<const List> items;
  SequenceKind kind;
  std::int64_t depth;
};
struct Dict {
  std::shared_ptr<const Entries> entries;
  std::int64_t depth;
};
/// Owned by the rendering, and so never dangling while it lasts: raw pointers cannot make a circle of owners.
struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;
};
struct LoopState;
struct Macro;
/// A function of the language, or a method that is looked at but not called.
struct Builtin {
  const char* name;
};

class Value {
 public:
  using Content = std::variant<Undefined, None, bool, std::int64_t, double, Text, Sequence, Dict, Namespace*,
                               LoopState*, const Macro*, Builtin>;

  Value() : content_(None{}) {}
  Value(Content content) : content_(std::move(content)) {}
  static Value undefined(std::string what);
  /// These charge what they hold. throws: Error::user when the budget is used up, or values lie too deep in values.
  static Value text(std::string text, Budget& budget, bool safe = false);
  static Value list(List items, Budget& budget, SequenceKind kind = SequenceKind::list);
  static Value dict(Entries entries, Budget& budget);
  static Value from_json(const nlohmann::ordered_json& json, Budget& budget);

  template <class Kind>
  const Kind* as() const {
    return std::get_if<Kind>(&content_);
  }
  template <class Kind>
  bool is() const {
    return std::holds_alternative<Kind>(content_);
  }
  const Content& content() const { return content_; }
  /// The text; none when this is no text.
  const std::string* as_text() const;
  const List* as_list() const;
  const Entries* as_dict() const;
  bool is_generator() const;
  bool is_number() const { return is<bool>() || is<std::int64_t>() || is<double>(); }
  /// A whole number or a truth value, which is 0 or 1 in Python.
  bool is_whole() const { return is<bool>() || is<std::int64_t>(); }
  std::int64_t whole() const;
  double real() const;

  bool truth() const;
  /// As Python's type() names it: "str", "dict", ...
  const char* type_name() const;
  std::int64_t depth() const;

 private:
  Content content_;
};

bool equal(const Value& left, const Value& right, Budget& budget);
/// left < right. throws: Error::user when Python has no order between the two.
bool less(const Value& left, const Value& right, Budget& budget);
/// item in container. throws: Error::user.
bool contains(const Value& container, const Value& item, Budget& budget);
/// The value at `key`; null when there is none.
const Value* find(const Entries& entries, const Value& key, Budget& budget);
const Value* find(const Entries& entries, std::string_view key);
/// Sets the value at `key`, which is added when it is not there.
void put(Entries& entries, const Value& key, Value value, Budget& budget);
/// What a for loop goes over: items, keys, characters. throws: Error::user when that is nothing to go over.
List items_of(const Value& value, Budget& budget);
/// len(). throws: Error::user.
std::int64_t length_of(const Value& value, Budget& budget);

}  // namespace muster::chat
