#include "runtime/reward/math/boxed.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "runtime/base/text.h"
#include "runtime/reward/math/undress.h"
#include "runtime/reward/pattern.h"

namespace muster::reward::math {
namespace {

constexpr std::size_t kTouching = 10;  // characters between two boxes that are one answer
constexpr std::size_t kJoined = 70;    // ... when a word or sign joins them
constexpr std::size_t kMaxJoinedBytes = 4 * kJoined;
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

// Whether a box and the next one are parts of one answer. One that is taken back loses to the next.
bool belongs(std::string_view between, const std::string& content, const std::string& next) {
  static const Pattern joint(R"(\b(?:and|or)\b|[,;])");
  if (between.size() > kMaxJoinedBytes || takes_back(between)) return false;
  const std::size_t distance = num_characters(between);
  return distance < kTouching || (next != content && distance < kJoined && joint.find(between).has_value());
}

// Nothing, or what stands for an answer that is still to come: ..., ?, answer.
bool is_placeholder(const std::string& content) {
  static const Pattern nothing(
      R"(^(?:\s|\\[ ,;:!]|\\q?quad|\\[lc]?dots|\.\.\.|\?|_|(?:\\text\s*\{\s*)?(?i:(?:(?:your|the|final)\s+)*answer(?:\s+here)?)?\s*\}?)*+$)");
  const bool may_be = content.size() < 100 && content.find_first_of("0123456789") == std::string::npos;
  return may_be && (content.empty() || nothing.find(content).has_value());
}

}  // namespace

bool takes_back(std::string_view text) {
  static const Pattern words(
      R"((?i)\b(?:wrong|incorrect|mistake|mistaken|error|wait|oops|actually|instead|rather|scratch that|correction|recount|recheck|recompute|no|not|but|however)\b)");
  return words.find(text).has_value();
}

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
    if (open >= end || text[open] != '{') {  // the word alone
      end = start;
      continue;
    }
    const auto close = closing_brace(text, open, end);
    if (!close) {
      if (found.empty()) found.emplace_back(text.substr(open));
      break;
    }
    std::string content = base::trim(text.substr(open + 1, *close - open - 1));
    if (is_placeholder(content)) {
      end = start;
      continue;
    }
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
