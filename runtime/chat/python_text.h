// Values as Python writes them: str(), repr(), and json.dumps() as transformers' filter tojson calls it.
#pragma once

#include <string>

#include "runtime/chat/budget.h"
#include "runtime/chat/value.h"

namespace muster::chat {

/// What {{ value }} prints. throws: Error::user for what has no text here (a namespace, a function).
std::string text_of(const Value& value, Budget& budget);
std::string repr_of(const Value& value, Budget& budget);
/// repr(float): the shortest digits that read back as the same number.
std::string float_text(double number);

struct JsonStyle {
  bool ensure_ascii = false, sort_keys = false;
  std::string indent;  // of one level
  bool is_indented = false;
  std::string item_separator = ", ", key_separator = ": ";
};
/// throws: Error::user for what JSON does not have (undefined, a function).
std::string json_of(const Value& value, const JsonStyle& style, Budget& budget);

}  // namespace muster::chat
