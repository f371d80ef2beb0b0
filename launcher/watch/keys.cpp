#include "launcher/watch/keys.h"

#include <optional>
#include <string_view>

namespace muster::watch {
namespace {

std::optional<Key> arrow(char letter) {
  switch (letter) {
    case 'A':
      return Key::up;
    case 'B':
      return Key::down;
    case 'C':
      return Key::right;
    case 'D':
      return Key::left;
    default:
      return std::nullopt;
  }
}

std::optional<Key> letter(char c) {
  switch (c) {
    case 'k':
      return Key::up;
    case 'j':
      return Key::down;
    case 'h':
      return Key::left;
    case 'l':
    case '\t':
      return Key::right;
    case '\r':
    case '\n':
    case ' ':
      return Key::enter;
    case '\x7f':
    case '\b':
    case '\x1b':
      return Key::back;
    case 'q':
    case 'Q':
    case '\x03':  // Ctrl-C, where the terminal does not make a signal of it
    case '\x04':
      return Key::leave;
    default:
      return std::nullopt;
  }
}

/// Bytes of an escape sequence at the front: ESC [ ... final or ESC O final; 1 for a lone escape.
std::size_t sequence_bytes(std::string_view bytes) {
  if (bytes.size() < 2 || (bytes[1] != '[' && bytes[1] != 'O')) return 1;
  std::size_t end = 2;
  while (end < bytes.size() && bytes[end] < '@') ++end;
  return end < bytes.size() ? end + 1 : end;
}

}  // namespace

std::vector<Key> parse_keys(const std::string& bytes) {
  std::vector<Key> keys;
  for (std::string_view rest = bytes; !rest.empty();) {
    const std::size_t taken = rest[0] == '\x1b' ? sequence_bytes(rest) : 1;
    const std::optional<Key> key = taken > 1 ? arrow(rest[taken - 1]) : letter(rest[0]);
    if (key) keys.push_back(*key);
    rest.remove_prefix(taken);
  }
  return keys;
}

}  // namespace muster::watch
