// UTF-8 as Unicode defines it (no surrogates, no overlong forms, nothing past U+10FFFF).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace muster::base {

/// What stands at `at`: a character of `size` bytes, or the longest beginning of one that goes wrong (then not valid).
struct Utf8Step {
  std::size_t size;
  bool valid;
};
Utf8Step utf8_step(std::string_view text, std::size_t at);

bool is_utf8(std::string_view text);
/// Every part that is no UTF-8 becomes one U+FFFD.
std::string lossy_utf8(std::string_view bytes);
/// The code point of `size` valid bytes.
std::int32_t code_point(std::string_view character);
void append_utf8(std::string& text, std::int32_t code_point);

}  // namespace muster::base
