// Text as a terminal shows it: width in columns, colour, and what to leave out where there is little room.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace muster::page {

/// What the reader's side can show.
struct Style {
  std::int64_t columns = 80;
  std::int64_t rows = 24;
  bool utf8 = false;
  bool color = false;
  /// One of two forms of the same sign.
  std::string sign(const char* utf8_form, const char* ascii_form) const { return utf8 ? utf8_form : ascii_form; }
};

/// Of `out` as it is now: size by ioctl (80 x 24 where it has none), UTF-8 by the locale's name (LC_ALL, LC_CTYPE,
/// LANG), colours only on a terminal that is not `dumb` and without NO_COLOR.
Style style_of(std::FILE* out, bool terminal);

enum class Ink { plain, bold, dim, red, green, yellow, blue, magenta, cyan };

/// One line made of coloured pieces.
class Line {
 public:
  Line() = default;
  Line(std::string text, Ink ink = Ink::plain) { add(std::move(text), ink); }
  Line(const char* text) : Line(std::string(text)) {}
  Line& add(std::string text, Ink ink = Ink::plain);
  Line& add(const char* text, Ink ink = Ink::plain) { return add(std::string(text), ink); }
  Line& add(const Line& other);
  std::int64_t columns() const;
  bool empty() const { return pieces_.empty(); }
  /// Cut off at style.columns, with colours where the style has them.
  std::string rendered(const Style& style) const;

 private:
  struct Piece {
    std::string text;
    Ink ink;
  };
  std::vector<Piece> pieces_;
};

/// The first part, and of the others as many, in their order, as there is room for.
Line fitted(const std::vector<Line>& parts, std::int64_t columns, std::string_view gap = "   ");
/// `left` and `right` at the two ends; only `left` where both have no room.
Line spread(const Line& left, const Line& right, std::int64_t columns);

/// Columns that UTF-8 text takes: wide East Asian signs and emoji two, combining marks none.
std::int64_t columns_of(std::string_view text);
/// The beginning of the text within so many columns; what was cut off ends in an ellipsis.
std::string shortened(std::string_view text, std::int64_t columns, const Style& style);
/// Filled up with blanks to so many columns, at the right (left-aligned) or at the left.
std::string padded(std::string_view text, std::int64_t columns);
std::string padded_left(std::string_view text, std::int64_t columns);
/// Text of a model or a file made harmless for a terminal: control characters and runs of blanks become one blank,
/// bytes that are no UTF-8 (or, without UTF-8, no ASCII) a question mark.
std::string harmless(std::string_view text, const Style& style);

}  // namespace muster::page
