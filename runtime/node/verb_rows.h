// The input of the verbs that need ranks: JSON lines {"id", "tokens", "text" or "messages"}, checked whole before a
// rank is started, and handed on to the ranks as ids and tokens.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace muster::data {
class Tokenizer;
}

namespace muster::node {

struct VerbRow {
  nlohmann::ordered_json id;  // text or a whole number, given back as it is
  std::vector<std::int32_t> tokens;
};

/// What a row may be.
struct VerbRules {
  std::int64_t vocab_size = 0;
  std::int64_t most_tokens = 0;                // positions of the model, less what is to be generated
  const data::Tokenizer* tokenizer = nullptr;  // null: rows give tokens, not text
  std::filesystem::path model = {};            // whose chat template renders messages
};

/// Blank lines are no rows. throws: Error::user naming file and line of each fault (the first twenty), or a file
/// without rows.
std::vector<VerbRow> read_verb_rows(const std::filesystem::path& input, const VerbRules& rules);
/// As the ranks read them (verbs/rank_verbs).
std::string verb_rows_text(const std::vector<VerbRow>& rows);

}  // namespace muster::node
