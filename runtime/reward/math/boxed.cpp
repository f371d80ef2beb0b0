#include "runtime/reward/math/boxed.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "runtime/base/text.h"
#include "runtime/reward/pattern.h"

namespace muster::reward::math {
namespace {

constexpr std::size_t kTouching = 10;  // bytes between two boxes that are one answer
constexpr std::size_t kJoined = 70;    // ... when a word or sign joins them
constexpr int kMaxBoxes = 1000;

// The brace that closes the one at `open`, before `end`.
std::optional<std::size_t> closing_brace(std::string_view text, std::size_t open, std::size_t end) {
  int depth = 0;
  for (std::size_t i = open; i < end; ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  return std::nullopt;
}

bool belongs(std::string_view between, const std::string& content, const std::string& next) {
  static const Pattern joint(R"(\b(?:and|or)\b|[,;])");
  if (between.size() < kTouching) return true;
  return next != content && between.size() < kJoined && joint.find(between).has_value();
}

}  // namespace

std::string boxed_content(std::string_view text, Boxes which) {
  std::vector<std::string> found;  // from the last one back
  std::size_t end = text.size();   // where the box found before begins
  for (int boxes = 0; boxes < kMaxBoxes; ++boxes) {
    const std::string_view head = text.substr(0, end);
    const std::size_t boxed = head.rfind("\\boxed"), fbox = head.rfind("\\fbox");
    constexpr std::size_t kNone = std::string_view::npos;
    if (boxed == kNone && fbox == kNone) break;
    const bool is_boxed = fbox == kNone || (boxed != kNone && boxed > fbox);
    const std::size_t start = is_boxed ? boxed : fbox;
    std::size_t open = start + (is_boxed ? 6 : 5);
    while (open < end && (text[open] == ' ' || text[open] == '\n' || text[open] == '\t')) ++open;
    if (open >= end) break;
    const auto close = text[open] == '{' ? closing_brace(text, open, end) : std::nullopt;
    if (!close) {
      if (found.empty()) found.emplace_back(text.substr(open));
      break;
    }
    std::string content = base::trim(text.substr(open + 1, *close - open - 1));
    if (which == Boxes::last && !found.empty() &&
        !belongs(text.substr(*close + 1, end - *close - 1), content, found.back()))
      break;
    if (found.empty() || found.back() != content) found.push_back(std::move(content));
    end = start;
  }
  if (found.empty()) return std::string(text);
  std::reverse(found.begin(), found.end());
  return base::join(found, ",");
}

}  // namespace muster::reward::math
