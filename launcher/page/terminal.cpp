#include "launcher/page/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

namespace muster::page {
namespace {

constexpr std::uint32_t kBroken = 0xFFFFFFFF;

/// Takes one code point off the front of `text`, or one byte and kBroken where it is no UTF-8.
std::uint32_t take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t first = byte(0);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xF0 && first < 0xF8 ? 4
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xC2 && first < 0xE0 ? 2
                                                             : 0;
  std::uint32_t point = length == 1 ? first : first & (0x7Fu >> length);
  bool whole = length > 0 && length <= text.size();
  for (std::size_t i = 1; whole && i < length; ++i) {
    whole = (byte(i) & 0xC0) == 0x80;
    point = point << 6 | (byte(i) & 0x3F);
  }
  text.remove_prefix(whole ? length : 1);
  return whole ? point : kBroken;
}

struct Span {
  std::uint32_t first, last;
};
constexpr std::array<Span, 12> kWide{{{0x1100, 0x115F},
                                      {0x2E80, 0x303E},
                                      {0x3041, 0x33FF},
                                      {0x3400, 0x4DBF},
                                      {0x4E00, 0x9FFF},
                                      {0xA000, 0xA4CF},
                                      {0xAC00, 0xD7A3},
                                      {0xF900, 0xFAFF},
                                      {0xFE30, 0xFE6F},
                                      {0xFF00, 0xFF60},
                                      {0x1F300, 0x1FAFF},
                                      {0x20000, 0x3FFFD}}};
constexpr std::array<Span, 6> kNoWidth{
    {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}}};

template <std::size_t N>
bool within(const std::array<Span, N>& spans, std::uint32_t point) {
  return std::any_of(spans.begin(), spans.end(),
                     [&](const Span& span) { return point >= span.first && point <= span.last; });
}

std::int64_t columns_of_point(std::uint32_t point) {
  if (within(kNoWidth, point)) return 0;
  return within(kWide, point) ? 2 : 1;
}

/// As many bytes of `text` as fit into `columns`.
std::size_t bytes_within(std::string_view text, std::int64_t columns) {
  std::string_view rest = text;
  std::size_t taken = 0;
  while (!rest.empty()) {
    columns -= columns_of_point(take_code_point(rest));
    if (columns < 0) break;
    taken = text.size() - rest.size();
  }
  return taken;
}

const char* ink_code(Ink ink) {
  switch (ink) {
    case Ink::bold:
      return "\033[1m";
    case Ink::dim:
      return "\033[2m";
    case Ink::red:
      return "\033[31m";
    case Ink::green:
      return "\033[32m";
    case Ink::yellow:
      return "\033[33m";
    case Ink::blue:
      return "\033[34m";
    case Ink::magenta:
      return "\033[35m";
    case Ink::cyan:
      return "\033[36m";
    case Ink::plain:
      break;
  }
  return "";
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value = environment(name);
    if (value.empty()) continue;
    std::transform(value.begin(), value.end(), value.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace

Style style_of(std::FILE* out, bool terminal) {
  Style style{.utf8 = locale_is_utf8(),
              .color = terminal && environment("NO_COLOR").empty() && environment("TERM") != "dumb"};
  struct winsize size {};
  if (terminal && ::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0) {
    if (size.ws_col > 0) style.columns = size.ws_col;
    if (size.ws_row > 0) style.rows = size.ws_row;
  }
  return style;
}

Line& Line::add(std::string text, Ink ink) {
  if (!text.empty()) pieces_.push_back({std::move(text), ink});
  return *this;
}

Line& Line::add(const Line& other) {
  pieces_.insert(pieces_.end(), other.pieces_.begin(), other.pieces_.end());
  return *this;
}

std::int64_t Line::columns() const {
  std::int64_t sum = 0;
  for (const Piece& piece : pieces_) sum += columns_of(piece.text);
  return sum;
}

std::string Line::rendered(const Style& style) const {
  std::string out;
  std::int64_t left = style.columns;
  for (const Piece& piece : pieces_) {
    if (left <= 0) break;
    const std::string text = piece.text.substr(0, bytes_within(piece.text, left));
    left -= columns_of(text);
    const std::string code = style.color ? ink_code(piece.ink) : "";
    out += code + text + (code.empty() ? "" : "\033[0m");
  }
  return out;
}

Line fitted(const std::vector<Line>& parts, std::int64_t columns, std::string_view gap) {
  Line line;
  for (const Line& part : parts) {
    if (part.empty()) continue;
    if (!line.empty() && line.columns() + columns_of(gap) + part.columns() > columns) break;
    if (!line.empty()) line.add(std::string(gap));
    line.add(part);
  }
  return line;
}

Line spread(const Line& left, const Line& right, std::int64_t columns) {
  const std::int64_t between = columns - left.columns() - right.columns();
  if (right.empty() || between < 2) return left;
  return Line(left).add(std::string(static_cast<std::size_t>(between), ' ')).add(right);
}

std::int64_t columns_of(std::string_view text) {
  std::int64_t sum = 0;
  while (!text.empty()) sum += columns_of_point(take_code_point(text));
  return sum;
}

std::string shortened(std::string_view text, std::int64_t columns, const Style& style) {
  if (columns_of(text) <= columns) return std::string(text);
  const std::string ellipsis = style.sign("…", "...");
  if (columns <= columns_of(ellipsis)) return std::string(text.substr(0, bytes_within(text, columns)));
  std::string cut(text.substr(0, bytes_within(text, columns - columns_of(ellipsis))));
  while (!cut.empty() && cut.back() == ' ') cut.pop_back();
  return cut + ellipsis;
}

std::string padded(std::string_view text, std::int64_t columns) {
  return std::string(text) +
         std::string(static_cast<std::size_t>(std::max<std::int64_t>(0, columns - columns_of(text))), ' ');
}

std::string padded_left(std::string_view text, std::int64_t columns) {
  return std::string(static_cast<std::size_t>(std::max<std::int64_t>(0, columns - columns_of(text))), ' ') +
         std::string(text);
}

std::string harmless(std::string_view text, const Style& style) {
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const std::uint32_t point = take_code_point(text);
    const std::string_view bytes = before.substr(0, before.size() - text.size());
    if (point <= 0x20 || point == 0xA0 || (point >= 0x7F && point < 0xA0)) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (point == kBroken || (point > 0x7F && !style.utf8)) {
      out += '?';
    } else if (!(point >= 0x202A && point <= 0x202E) &&
               !(point >= 0x2066 && point <= 0x2069)) {  // no turning of the direction
      out += bytes;
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace muster::page
