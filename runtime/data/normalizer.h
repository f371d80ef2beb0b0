// Unicode normal forms, before the text is cut into words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace muster::data {

class JsonNode;

/// normalizer of tokenizer.json: none, NFC, NFD, NFKC, NFKD, or a Sequence of them.
class Normalizer {
 public:
  Normalizer() = default;
  /// throws: Error::user naming a kind that is not supported.
  static Normalizer parse(const JsonNode& node);
  bool empty() const { return forms_.empty(); }
  /// `text` is valid UTF-8.
  std::string normalized(std::string_view text) const;

 private:
  void add(const JsonNode& node, int depth);
  std::vector<int> forms_;  // utf8proc options, in order
};

}  // namespace muster::data
