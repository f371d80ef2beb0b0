#include "runtime/chat/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <utility>

#include "runtime/base/utf8.h"

namespace muster::chat {
namespace {

std::int32_t point_at(std::string_view text, std::size_t at) {
  return base::code_point(text.substr(at, character_size(text, at)));
}

std::size_t character_before(std::string_view text, std::size_t at) {
  do --at;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

template <class IsStripped>
std::string_view strip_if(std::string_view text, Side side, IsStripped is_stripped) {
  const auto sides = static_cast<int>(side);
  if (sides & static_cast<int>(Side::left))
    while (!text.empty() && is_stripped(text.substr(0, character_size(text, 0))))
      text.remove_prefix(character_size(text, 0));
  if (sides & static_cast<int>(Side::right))
    while (!text.empty()) {
      const std::size_t last = character_before(text, text.size());
      if (!is_stripped(text.substr(last))) break;
      text = text.substr(0, last);
    }
  return text;
}

// Maps each character; `map` gets the code point and whether a word begins there.
template <class Map>
std::string mapped(std::string_view text, Map map) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); at += character_size(text, at)) map(out, point_at(text, at));
  return out;
}

void append_upper(std::string& out, std::int32_t point) {
  if (point == 0xDF)
    out += "SS";
  else
    base::append_utf8(out, utf8proc_toupper(point));
}
void append_title(std::string& out, std::int32_t point) {
  if (point == 0xDF)
    out += "Ss";
  else
    base::append_utf8(out, utf8proc_totitle(point));
}
void append_lower(std::string& out, std::int32_t point) {
  if (point == 0x130)
    out += "i\u0307";
  else
    base::append_utf8(out, utf8proc_tolower(point));
}

}  // namespace

std::size_t character_size(std::string_view text, std::size_t at) { return base::utf8_step(text, at).size; }

std::int64_t num_characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

std::size_t byte_of(std::string_view text, std::int64_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += character_size(text, at);
  return at;
}

bool is_space(std::int32_t point) {
  return (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x20) || point == 0x85 || point == 0xA0 ||
         point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

bool is_printable(std::int32_t point) {
  switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return point == ' ';
    default:
      return true;
  }
}

bool is_letter(std::int32_t point) {
  const auto category = utf8proc_category(point);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_digit(std::int32_t point) { return utf8proc_category(point) == UTF8PROC_CATEGORY_ND; }

std::string_view stripped(std::string_view text, Side side) {
  return strip_if(text, side, [](std::string_view character) { return is_space(base::code_point(character)); });
}

std::string_view stripped(std::string_view text, Side side, std::string_view characters) {
  return strip_if(text, side,
                  [&](std::string_view character) { return characters.find(character) != std::string_view::npos; });
}

std::string upper(std::string_view text) { return mapped(text, append_upper); }
std::string lower(std::string_view text) { return mapped(text, append_lower); }

std::string capitalized(std::string_view text) {
  bool first = true;
  return mapped(text, [&](std::string& out, std::int32_t point) {
    std::exchange(first, false) ? append_title(out, point) : append_lower(out, point);
  });
}

std::string titled(std::string_view text, WordBreaks breaks) {
  bool begins = true;
  return mapped(text, [&](std::string& out, std::int32_t point) {
    if (breaks == WordBreaks::python) {
      begins ? append_title(out, point) : append_lower(out, point);
      begins = !is_letter(point);
    } else {
      begins ? append_upper(out, point) : append_lower(out, point);
      begins = is_space(point) || point == '-' || point == '(' || point == '{' || point == '[' || point == '<';
    }
  });
}

std::vector<std::string> split_at_space(std::string_view text, std::int64_t most, bool from_right) {
  std::vector<std::string> parts;
  const auto is_space_at = [&](std::size_t at) { return is_space(point_at(text, at)); };
  text = stripped(text, from_right ? Side::right : Side::left);
  for (; !text.empty(); --most) {
    if (most == 0) {
      parts.emplace_back(text);
      break;
    }
    if (from_right) {
      std::size_t begin = text.size();
      while (begin > 0 && !is_space_at(character_before(text, begin))) begin = character_before(text, begin);
      parts.emplace_back(text.substr(begin));
      text = stripped(text.substr(0, begin), Side::right);
    } else {
      std::size_t end = 0;
      while (end < text.size() && !is_space_at(end)) end += character_size(text, end);
      parts.emplace_back(text.substr(0, end));
      text = stripped(text.substr(end), Side::left);
    }
  }
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string> split_at(std::string_view text, std::string_view separator, std::int64_t most,
                                  bool from_right) {
  std::vector<std::string> parts;
  for (; most != 0; --most) {
    const std::size_t at = from_right ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) break;
    parts.emplace_back(from_right ? text.substr(at + separator.size()) : text.substr(0, at));
    text = from_right ? text.substr(0, at) : text.substr(at + separator.size());
  }
  parts.emplace_back(text);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::int32_t point = point_at(text, at);
    const std::size_t end = at;
    at += character_size(text, at);
    const bool is_end = (point >= 0x0A && point <= 0x0D) || (point >= 0x1C && point <= 0x1E) || point == 0x85 ||
                        point == 0x2028 || point == 0x2029;
    if (!is_end) continue;
    if (point == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.emplace_back(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size()) lines.emplace_back(text.substr(begin));
  return lines;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to, std::int64_t most,
                     Budget& budget) {
  charge_search(text, from, budget);
  std::string out;
  std::size_t begin = 0;
  for (std::size_t at = 0; most != 0; --most) {
    at = text.find(from, at);
    if (at == std::string_view::npos) break;
    budget.bytes(static_cast<std::int64_t>(to.size() + 1));
    out.append(text, begin, at - begin).append(to);
    begin = at + from.size();
    if (from.empty()) {  // between all characters
      if (at == text.size()) break;
      out.append(text, at, character_size(text, at));
      begin = at + character_size(text, at);
    }
    at = begin;
  }
  return out.append(text.substr(begin));
}

void charge_search(std::string_view text, std::string_view part, Budget& budget) {
  // A search compares up to text x part bytes, some dozens at a time.
  budget.steps(static_cast<std::int64_t>(text.size() / 1024 * part.size() + text.size() / 64));
}

std::string escaped_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace muster::chat
