// Text of tokens that arrive one after another: a character whose bytes are not all there yet is held back.
#pragma once

#include <cstdint>
#include <string>

namespace muster::data {

class Tokenizer;

/// What `take` and `finish` return, put together, is Tokenizer::decode of all ids.
class StreamDecoder {
 public:
  /// `tokenizer` is borrowed.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = false)
      : tokenizer_(tokenizer), skip_special_(skip_special) {}

  /// The text that is certain with this token; may be empty.
  std::string take(std::int32_t id);
  /// What was held back, as U+FFFD; the next token begins anew.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  bool skip_special_;
  std::string held_;  // the beginning of a character
};

}  // namespace muster::data
