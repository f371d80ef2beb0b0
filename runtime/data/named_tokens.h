// Tokens that the files beside tokenizer.json name: tokenizer_config.json, special_tokens_map.json, added_tokens.json.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/data/added_tokens.h"

namespace muster::data {

/// The tokens of a folder that are named outside of tokenizer.json; ids are not set.
/// source: transformers 5.24, PreTrainedTokenizerBase.from_pretrained and TokenizersBackend: added_tokens_decoder
/// stands for itself; without it special_tokens_map.json overrides tokenizer_config.json, and added_tokens.json is
/// read.
struct NamedTokens {
  std::vector<AddedToken> declared;  // with flags that hold against those of tokenizer.json, by their number
  std::vector<AddedToken>
      special;            // bos_token, eos_token, ..., and the extra ones; they are special where they are new
  std::string end_token;  // text of eos_token; empty: none is named
};

/// Reads the files that are there. throws: Error::user with file and key.
NamedTokens read_named_tokens(const std::filesystem::path& folder);

/// Changes and extends `tokens`, those of tokenizer.json, by the named ones. `model_id`: the id of a token of the
/// vocabulary; `model_size`: how many tokens it has. A new token gets the vocabulary's id, or the next free one.
void merge_named_tokens(const NamedTokens& named,
                        const std::function<std::optional<std::int32_t>(std::string_view)>& model_id,
                        std::int64_t model_size, std::vector<AddedToken>& tokens);

}  // namespace muster::data
