// Fields of a row by name or path: "question", "prompt.0.content", also where a name itself has dots.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace muster::data {

/// The member of an object, or the element of an array by its number; null where there is none.
template <class Json>
const Json* member_of(const Json& value, std::string_view key) {
  if (value.is_object()) {
    const auto found = value.find(std::string(key));
    return found == value.end() ? nullptr : &*found;
  }
  if (!value.is_array() || key.empty() || key.size() > 6 || key.find_first_not_of("0123456789") != key.npos)
    return nullptr;
  const std::size_t index = std::stoul(std::string(key));
  return index < value.size() ? &value[index] : nullptr;
}

/// What stands at `path`; null where nothing does. A name with dots wins over a path.
template <class Json>
const Json* find_field(const Json& value, std::string_view path) {
  if (const Json* whole = member_of(value, path)) return whole;
  for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1))
    if (const Json* below = member_of(value, path.substr(0, dot)))
      if (const Json* found = find_field(*below, path.substr(dot + 1))) return found;
  return nullptr;
}

/// "field 'qestion' is missing; the row has question, answer: did you mean 'question'?"
template <class Json>
std::string missing_field_text(const Json& row, const std::string& path);

}  // namespace muster::data
