#include "runtime/data/byte_level.h"

#include <algorithm>
#include <cstdint>

#include "runtime/base/utf8.h"

namespace muster::data {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// Bytes that do not print are numbered from U+0100 on.
struct Alphabet {
  std::array<std::string, 256> characters;
  std::array<int, 0x200> bytes;  // by code point; -1: none

  Alphabet() {
    bytes.fill(-1);
    int next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const int point = stands_for_itself(byte) ? byte : next++;
      base::append_utf8(characters[byte], point);
      bytes[point] = byte;
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet made;
  return made;
}

}  // namespace

const std::array<std::string, 256>& byte_level_alphabet() { return alphabet().characters; }

std::string byte_level_text(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += alphabet().characters[static_cast<unsigned char>(byte)];
  return text;
}

std::optional<std::string> byte_level_bytes(std::string_view token) {
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const std::size_t size = base::utf8_step(token, at).size;
    const auto point = static_cast<std::size_t>(base::code_point(token.substr(at, size)));
    if (point >= alphabet().bytes.size() || alphabet().bytes[point] < 0) return std::nullopt;
    bytes += static_cast<char>(alphabet().bytes[point]);
    at += size;
  }
  return bytes;
}

}  // namespace muster::data
