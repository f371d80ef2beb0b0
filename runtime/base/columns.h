// Words in columns of a page: filled with blanks, never cut.
#pragma once

#include <cstdint>
#include <string>

namespace muster::base {

inline std::string left(const std::string& word, std::size_t width) {
  return word + std::string(word.size() < width ? width - word.size() : 0, ' ');
}
inline std::string right(const std::string& word, std::size_t width) {
  return std::string(word.size() < width ? width - word.size() : 0, ' ') + word;
}
inline std::string right(std::int64_t number, std::size_t width) { return right(std::to_string(number), width); }

}  // namespace muster::base
