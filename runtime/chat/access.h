// Members of a value: value.name, value[key], value[from:to:step].
#pragma once

#include <string>

#include "runtime/chat/value.h"

namespace muster::chat {

struct RecursiveLoop;

/// A for loop that runs; `items` are all there before it begins.
struct LoopState {
  List items;
  std::size_t index = 0;
  std::int64_t depth = 1;
  const RecursiveLoop* again = nullptr;  // what loop(...) runs once more, of a recursive loop
  List last_changed;                     // of loop.changed()
};

/// A method wins over a key of the same name, as in Python. throws: Error::user when `value` is undefined.
Value attribute_of(const Value& value, const std::string& name, Budget& budget);
/// A key or an index wins over a method. throws: Error::user.
Value item_of(const Value& value, const Value& key, Budget& budget);
/// Null bounds are left out. throws: Error::user.
Value slice_of(const Value& value, const Value* from, const Value* to, const Value* step, Budget& budget);

}  // namespace muster::chat
