// What a filter, a test, a method or a function is called with.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "runtime/chat/value.h"

namespace muster::chat {

struct Arguments {
  List positional;
  std::vector<std::pair<std::string, Value>> named;

  /// Each parameter's argument, in their order; null where none was given. `what` is called ("filter 'join'").
  /// throws: Error::user (too many, an unknown name, twice the same, fewer than `least`).
  std::vector<const Value*> bound(const std::string& what, std::initializer_list<const char*> parameters,
                                  std::size_t least = 0) const;
};

/// The argument as text, whole number or truth; `otherwise` when it is null. throws: Error::user.
std::string text_argument(const Value* value, const std::string& otherwise);
std::int64_t whole_argument(const Value* value, std::int64_t otherwise);
bool truth_argument(const Value* value, bool otherwise);

}  // namespace muster::chat
