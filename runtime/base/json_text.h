// JSON that comes from outside: refused with its place when it is none, or nested deeper than anything meant. And JSON
// that holds text from outside, which may be no UTF-8.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace muster::base {

/// Deeper than any file that Muster reads; readers and writers of JSON recurse.
inline constexpr std::int64_t kDeepestJson = 200;

/// How deep arrays and objects are nested, counted up to `most` + 1. What is no JSON has some depth too.
std::int64_t json_depth(std::string_view text, std::int64_t most = kDeepestJson);
/// throws: Error::user with `where` and `fix` when the text is no JSON (line and column are in the sentence), no UTF-8,
/// or deeper than kDeepestJson.
nlohmann::json parse_json(std::string_view text, const std::string& where, const std::string& fix = "");
/// The text with Python's Infinity, -Infinity and NaN, which JSON does not have, as strings: a key that nobody reads
/// may hold them, and one that has to be a number is refused by that name.
std::string with_quoted_non_finite(std::string_view text);
/// The text of an object with another value for the top-level member `key`, all else byte for byte as it was; a member
/// that is not there is added at the end. `value` is JSON. text: a JSON object (parse_json took it).
std::string with_member(std::string_view text, std::string_view key, std::string_view value);

/// The value on one line, or with `indent` spaces a level. Text that is no UTF-8 is written with U+FFFD where it goes
/// wrong: `dump()` would throw, and the record would be lost.
std::string json_text(const nlohmann::json& value, int indent = -1);
std::string json_text(const nlohmann::ordered_json& value, int indent = -1);

}  // namespace muster::base
