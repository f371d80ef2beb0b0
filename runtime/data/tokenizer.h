// The tokenizer of a model: tokenizer.json of the byte-level BPE kind, equal token for token to Hugging Face
// tokenizers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace muster::data {

struct NamedTokens;

/// Text -> added tokens cut out -> normalizer -> pre-tokenizers -> BPE -> post-processor. All calls are const and may
/// come from several threads at once (one of them at a time uses the cache of words). Kinds that are not supported are
/// refused by name. `truncation` and `padding` of the file are left out: a training system decides lengths itself.
/// Character classes and normal forms are those of Hugging Face tokenizers 0.23 (newer_characters.h).
class Tokenizer {
 public:
  /// `path`: tokenizer.json, or the model folder that holds it; then the tokens that tokenizer_config.json,
  /// special_tokens_map.json and added_tokens.json name are known too (named_tokens.h). throws: Error::user with file
  /// and place.
  static Tokenizer read(const std::filesystem::path& path);
  /// `where` names the text in errors. throws: Error::user.
  static Tokenizer parse(const std::string& json, const std::string& where);
  static Tokenizer parse(const std::string& json, const std::string& where, const NamedTokens& named);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// `add_special`: with what the post-processor puts around (a BOS). Special tokens written in the text are always
  /// recognised. Bytes that are in no token vanish, as with Hugging Face. throws: Error::user when the text is not
  /// UTF-8.
  std::vector<std::int32_t> encode(std::string_view text, bool add_special) const;
  /// A prompt without a chat template: what the post-processor puts before a text (a BOS) stands before it once, also
  /// where the text begins with it already; what it puts behind is left out, for the answer goes on there. throws: as
  /// encode.
  std::vector<std::int32_t> encode_prompt(std::string_view text) const;
  /// Ids that no token has are left out; bytes that are no UTF-8 (a character cut in two) become U+FFFD.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special) const;

  /// The bytes that decoding writes for one id; none for an id that no token has.
  std::string_view bytes_of(std::int32_t id, bool skip_special) const;

  /// By exact content, added tokens included; none when there is no such token.
  std::optional<std::int32_t> token_id(std::string_view content) const;
  /// The eos_token that the folder's tokenizer files name; none where they name none.
  std::optional<std::int32_t> end_token() const;
  bool is_special(std::int32_t id) const;
  /// Largest id + 1, added tokens included.
  std::int64_t vocabulary_size() const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace muster::data
