#include "runtime/base/json_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"

namespace muster::base {
namespace {

constexpr std::string_view kJsonSpace = " \t\r\n";

/// Behind the string that begins at `begin`; `begin` where none does.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  if (text[begin] != '"') return begin;
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return text.size();
}

/// Behind the value that begins at `begin`.
std::size_t end_of_value(std::string_view text, std::size_t begin) {
  std::int64_t depth = 0;
  for (std::size_t i = begin; i < text.size();) {
    const char c = text[i];
    if (depth == 0 && (c == ',' || c == '}' || c == ']' || kJsonSpace.find(c) != std::string_view::npos)) return i;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    i = std::max(end_of_string(text, i), i + 1);
    if (depth == 0 && (c == '}' || c == ']')) return i;
  }
  return text.size();
}

}  // namespace

std::int64_t json_depth(std::string_view text, std::int64_t most) {
  std::int64_t depth = 0, deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size() && deepest <= most; ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

nlohmann::json parse_json(std::string_view text, const std::string& where, const std::string& fix) {
  if (json_depth(text) > kDeepestJson)
    throw Error::user({.what = base::text("this is no JSON that is meant: nested deeper than ", kDeepestJson),
                       .where = where,
                       .fix = fix});
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    std::string what = error.what();  // "[json.exception.parse_error.101] parse error at line 1, column 5: ..."
    if (const auto end = what.find("] "); end != std::string::npos) what = what.substr(end + 2);
    if (what.size() > 300) what = what.substr(0, 300) + "...";  // it quotes the text that it last read
    throw Error::user({.what = "this is no JSON: " + lossy_utf8(what), .where = where, .fix = fix});
  }
}

std::string json_text(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_text(const nlohmann::ordered_json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string with_quoted_non_finite(std::string_view text) {
  std::string quoted;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t string_end = end_of_string(text, i);
    std::size_t size = string_end > i ? string_end - i : 1;
    const std::string_view rest = text.substr(i);
    bool is_word = false;
    if (string_end == i)
      for (const std::string_view word : {"-Infinity", "Infinity", "NaN"})
        if (!is_word && rest.starts_with(word)) is_word = true, size = word.size();
    if (is_word) quoted += '"';
    quoted += rest.substr(0, size);
    if (is_word) quoted += '"';
    i += size;
  }
  return quoted;
}

std::string with_member(std::string_view text, std::string_view key, std::string_view value) {
  const std::string quoted = "\"" + std::string(key) + "\"";
  std::int64_t depth = 0;
  std::size_t last = 0;  // behind the last member, and behind the brace where there is none
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = end_of_string(text, i);
    if (end > i && depth == 1 && text.substr(i, end - i) == quoted) {
      const std::size_t colon = text.find_first_not_of(kJsonSpace, end);
      if (colon != std::string_view::npos && text[colon] == ':') {
        const std::size_t begin = text.find_first_not_of(kJsonSpace, colon + 1);
        return base::text(text.substr(0, begin), value, text.substr(end_of_value(text, begin)));
      }
    }
    if (text[i] == '{' || text[i] == '[') ++depth;
    if ((text[i] == '}' || text[i] == ']') && --depth == 0) break;
    i = std::max(end, i + 1);
    if (kJsonSpace.find(text[i - 1]) == std::string_view::npos) last = i;
  }
  const std::size_t first = text.find('{') + 1;
  const std::size_t indent_end = text.find_first_not_of(kJsonSpace, first);
  const std::string_view indent = text.substr(first, indent_end - first);
  const bool is_empty = last == first;
  return base::text(text.substr(0, last), is_empty ? "" : ",", is_empty ? "" : indent, quoted, ": ", value,
                    text.substr(last));
}

}  // namespace muster::base
