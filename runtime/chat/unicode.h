// Texts as Python sees them: characters are code points, white space and case are Unicode's. All take valid UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/chat/budget.h"

namespace muster::chat {

/// Bytes of the character that begins at `at`.
std::size_t character_size(std::string_view text, std::size_t at);
std::int64_t num_characters(std::string_view text);
/// Where character `index` begins; the end of the text when there are fewer.
std::size_t byte_of(std::string_view text, std::int64_t index);

/// str.isspace() of one code point.
bool is_space(std::int32_t point);
/// str.isprintable() of one code point.
bool is_printable(std::int32_t point);
bool is_letter(std::int32_t point);
bool is_digit(std::int32_t point);

enum class Side { left = 1, right = 2, both = 3 };
/// str.strip(): white space, or with `characters` any of these.
std::string_view stripped(std::string_view text, Side side);
std::string_view stripped(std::string_view text, Side side, std::string_view characters);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
/// First character upper, the others lower.
std::string capitalized(std::string_view text);
/// Each word capitalised; `word_breaks` decides where a word begins: after what is no letter (str.title()), or as the
/// filter title has it.
enum class WordBreaks { python, filter };
std::string titled(std::string_view text, WordBreaks breaks);

/// str.split(): at white space, empty parts left out; `most` cuts at most, -1: all.
std::vector<std::string> split_at_space(std::string_view text, std::int64_t most, bool from_right);
std::vector<std::string> split_at(std::string_view text, std::string_view separator, std::int64_t most,
                                  bool from_right);
std::vector<std::string> split_lines(std::string_view text, bool keep_ends);
/// throws: Error::user when the budget is used up.
std::string replaced(std::string_view text, std::string_view from, std::string_view to, std::int64_t most,
                     Budget& budget);
/// To be called before `part` is searched for in `text`.
void charge_search(std::string_view text, std::string_view part, Budget& budget);
/// & < > " ' as HTML writes them.
std::string escaped_html(std::string_view text);

}  // namespace muster::chat
