// Cuts a text into the words that BPE merges within.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/data/regex.h"

namespace muster::data {

class JsonNode;

/// What becomes of the matches of a Split and the text between them.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// pre_tokenizer of tokenizer.json: Digits and Split steps, then ByteLevel, which must be there and last.
class PreTokenizer {
 public:
  /// throws: Error::user naming a kind that is not supported.
  static PreTokenizer parse(const JsonNode& node);

  /// Working memory of one call: `words` is the result; they point into the text, or into `made` where a space was put
  /// in front.
  struct Words {
    std::vector<std::string_view> words, before;
    std::vector<Span> matches;
    std::deque<std::string> made;
  };
  /// Replaces `words.words`. `text` is valid UTF-8.
  void split(std::string_view text, Words& words) const;

 private:
  struct Digits {
    bool individual;
  };
  struct Split {
    Regex regex;
    SplitBehavior behavior;
    bool invert;
  };
  struct PrefixSpace {};
  using Step = std::variant<Digits, Split, PrefixSpace>;

  void add(const JsonNode& node, int depth);
  void add_split(const JsonNode& node);
  std::vector<Step> steps_;
  bool byte_level_ = false;
};

/// Cuts `text` at the matches and appends the parts that are not empty.
void split_at(std::string_view text, const std::vector<Span>& matches, SplitBehavior behavior, bool invert,
              std::vector<std::string_view>& parts);

}  // namespace muster::data
