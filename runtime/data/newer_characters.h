// Where Hugging Face tokenizers knows another Unicode than our packages do: its expressions sort characters by Unicode
// 16 (PCRE2 10.42 by 14), its digits are newer, its normal forms older (utf8proc 2.8 has 15). Tokens have to be the
// same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster::data {

/// `text` with each character that PCRE2 sorts otherwise replaced by one of the right category and as many bytes; none
/// when there is no such character. `text` is valid UTF-8.
std::optional<std::string> with_stand_ins(std::string_view text);
/// A number to the step Digits that utf8proc does not know as one.
bool is_new_number(std::int32_t point);
/// A character that normal forms leave alone, though utf8proc would move, compose or decompose it.
bool is_inert(std::int32_t point);

}  // namespace muster::data
