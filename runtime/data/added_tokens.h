// Tokens that are cut out of the text before anything else: special ones (<|im_start|>) and words added to a
// vocabulary.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace muster::data {

class JsonNode;

struct AddedToken {
  std::int32_t id = 0;
  std::string content;
  bool special = false, lstrip = false, rstrip = false, single_word = false, normalized = false;
};

/// throws: Error::user (an id out of range or twice, a content that is empty or twice).
std::vector<AddedToken> parse_added_tokens(const JsonNode& node);

/// Finds tokens in a text: the leftmost, and of those that begin there the longest.
class AddedTokenFinder {
 public:
  /// A stretch of text, or a token that took this stretch (its own letters, and white space that it strips).
  struct Part {
    std::string_view text;
    std::optional<std::int32_t> id;
  };

  AddedTokenFinder();
  /// `content` is what is looked for: the token's own, or its normal form.
  void add(const AddedToken& token, const std::string& content);
  bool empty() const { return tokens_.empty(); }
  /// Appends the parts of `text`, valid UTF-8; none is empty.
  void split(std::string_view text, std::vector<Part>& parts) const;

 private:
  struct Node {
    std::unordered_map<unsigned char, std::int32_t> next;
    std::int32_t token = -1;  // in tokens_; -1: none ends here
  };
  std::int32_t longest_at(std::string_view text, std::size_t at, std::size_t& size) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;
  std::vector<bool> begins_ = std::vector<bool>(256, false);
};

}  // namespace muster::data
