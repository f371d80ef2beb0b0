#include "runtime/reward/boxed.h"

namespace muster::reward {
namespace {

constexpr int kTries = 16;  // boxes that are never closed, seen from the end

std::optional<std::string_view> braced(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && text[at] == ' ') ++at;
  if (at == text.size()) return std::nullopt;
  if (text[at] != '{') {  // \boxed 7
    const std::size_t end = text.find_first_of(" $\n", at);
    return at > 0 ? std::optional(text.substr(at, end == std::string_view::npos ? end : end - at)) : std::nullopt;
  }
  int depth = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '{')
      ++depth;
    else if (text[i] == '}' && --depth == 0)
      return text.substr(at + 1, i - at - 1);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> last_boxed(std::string_view text) {
  std::size_t end = text.size();
  for (int tried = 0; tried < kTries; ++tried) {
    const std::string_view head = text.substr(0, end);
    const std::size_t boxed = head.rfind("\\boxed"), fbox = head.rfind("\\fbox");
    if (boxed == std::string_view::npos && fbox == std::string_view::npos) return std::nullopt;
    const bool is_boxed = fbox == std::string_view::npos || (boxed != std::string_view::npos && boxed > fbox);
    const std::size_t at = is_boxed ? boxed : fbox;
    if (const auto content = braced(text.substr(at + (is_boxed ? 6 : 5)))) return content;
    end = at;
  }
  return std::nullopt;
}

}  // namespace muster::reward
