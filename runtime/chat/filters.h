// value | filter(...).
#pragma once

#include <string>

#include "runtime/chat/arguments.h"

namespace muster::chat {

bool is_filter(const std::string& name);
/// `name` is one of them. throws: Error::user.
Value filtered(const std::string& name, const Value& value, const Arguments& arguments, Budget& budget);

// ---- for the files of the filters

struct FilterCall {
  const std::string& name;
  const Value& value;
  const Arguments& arguments;
  Budget& budget;

  std::vector<const Value*> bound(std::initializer_list<const char*> parameters, std::size_t least = 0) const {
    return arguments.bound("filter '" + name + "'", parameters, least);
  }
  /// The value as text, whatever it is.
  std::string text() const;
  Value made(std::string text) const { return Value::text(std::move(text), budget); }
};

struct Filter {
  const char* name;
  Value (*run)(const FilterCall&);
};

/// Those of texts and numbers, and those of lists and dicts; null when there is none of that name.
const Filter* text_filter(const std::string& name);
const Filter* list_filter(const std::string& name);

}  // namespace muster::chat
