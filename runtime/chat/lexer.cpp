#include "runtime/chat/lexer.h"

#include <algorithm>
#include <charconv>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"
#include "runtime/chat/budget.h"
#include "runtime/chat/unicode.h"

namespace muster::chat {
namespace {

// \r\n and \r become \n; one at the end goes.
std::string normalized_lines(const std::string& source) {
  std::string out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') continue;
    out += source[i] == '\r' ? '\n' : source[i];
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

bool is_name_begin(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}
bool is_decimal(char c) { return c >= '0' && c <= '9'; }
bool is_name_part(char c) { return is_name_begin(c) || is_decimal(c); }

class Lexer {
 public:
  Lexer(const std::string& source, const std::string& where) : source_(normalized_lines(source)), where_(where) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) read_data();
    add(TokenKind::end, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { fail_at(where_, line_, what); }
  char next(std::size_t offset = 0) const { return at_ + offset < source_.size() ? source_[at_ + offset] : '\0'; }
  bool follows(std::string_view text) const { return std::string_view(source_).substr(at_).starts_with(text); }
  void add(TokenKind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text)}); }
  void move_to(std::size_t to) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    at_ = to;
  }
  void skip_space() { move_to(behind_space(at_)); }

  // Text up to the next tag, and the tag.
  void read_data() {
    std::size_t tag = at_;
    const auto is_tag = [&] {
      const char kind = tag + 1 < source_.size() ? source_[tag + 1] : '\0';
      return source_[tag] == '{' && (kind == '{' || kind == '%' || kind == '#');
    };
    while (tag < source_.size() && !is_tag()) ++tag;
    if (tag == source_.size()) {
      add(TokenKind::data, source_.substr(at_));
      at_ = source_.size();
      return;
    }
    const char kind = source_[tag + 1];
    add_data(source_.substr(at_, tag - at_), tag + 2 < source_.size() ? source_[tag + 2] : '\0', kind != '{');
    move_to(tag + 2);
    if (next() == '-' || next() == '+') ++at_;
    if (kind == '#')
      read_comment();
    else if (kind == '{')
      read_words(TokenKind::print_begin, TokenKind::print_end, "}}");
    else if (!read_raw())
      read_words(TokenKind::block_begin, TokenKind::block_end, "%}");
  }

  void add_data(std::string text, char sign, bool is_block) {
    if (sign == '-') {
      text = stripped(text, Side::right);
    } else if (sign != '+' && is_block) {
      const std::size_t line_begin = text.rfind('\n') + 1;  // npos + 1 is 0
      if ((line_begin > 0 || at_line_begin_) && stripped(std::string_view(text).substr(line_begin), Side::left).empty())
        text.resize(line_begin);
    }
    if (!text.empty()) add(TokenKind::data, std::move(text));
  }

  // Behind the sign and the end of a tag: "-" strips what follows, a block takes one line break with it.
  bool read_end(std::string_view end, bool trims_line) {
    const bool strips = next() == '-', keeps = trims_line && next() == '+';
    if (!std::string_view(source_).substr(std::min(at_ + (strips || keeps), source_.size())).starts_with(end))
      return false;
    at_ += (strips || keeps) + end.size();
    if (strips)
      skip_space();
    else if (trims_line && !keeps && next() == '\n')
      move_to(at_ + 1);
    at_line_begin_ = source_[at_ - 1] == '\n';
    return true;
  }

  void read_comment() {
    const int begin = line_;
    for (; at_ < source_.size(); move_to(at_ + 1))
      if (read_end("#}", true)) return;
    fail_at(where_, begin, "the comment is not closed");
  }

  // Where white space from `at` on ends.
  std::size_t behind_space(std::size_t at) const {
    return source_.size() - stripped(std::string_view(source_).substr(at), Side::left).size();
  }
  // Behind white space, `word` and white space; npos when something else is there.
  std::size_t behind_word(std::size_t at, std::string_view word) const {
    at = behind_space(at);
    if (!std::string_view(source_).substr(at).starts_with(word)) return std::string::npos;
    return behind_space(at + word.size());
  }

  // {% raw %} ... {% endraw %}; false: this block is another one.
  bool read_raw() {
    const std::size_t end = behind_word(at_, "raw");
    if (end == std::string::npos ||
        !std::string_view(source_).substr(end + (end < source_.size() && source_[end] == '-')).starts_with("%}"))
      return false;
    const int begin_line = line_;
    move_to(end);
    read_end("%}", false);
    for (std::size_t tag = source_.find("{%", at_); tag != std::string::npos; tag = source_.find("{%", tag + 2)) {
      const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
      const std::size_t behind = behind_word(tag + 2 + (sign == '-' || sign == '+'), "endraw");
      if (behind == std::string::npos) continue;
      const std::size_t stop = behind + (behind < source_.size() && (source_[behind] == '-' || source_[behind] == '+'));
      if (!std::string_view(source_).substr(stop).starts_with("%}")) continue;
      add_data(source_.substr(at_, tag - at_), sign, true);
      move_to(behind);
      return read_end("%}", true);
    }
    fail_at(where_, begin_line, "the raw block is not closed");
  }

  void read_words(TokenKind begin_kind, TokenKind end_kind, std::string_view end) {
    const int begin = line_;
    const bool is_block = begin_kind == TokenKind::block_begin;
    add(begin_kind, "");
    std::string open;  // the brackets that have to be closed first
    while (at_ < source_.size()) {
      const int line = line_;
      if (open.empty() && read_end(end, is_block)) {
        tokens_.push_back({end_kind, line, ""});
        return;
      }
      const std::size_t before = at_;
      skip_space();
      if (at_ == before) read_word(open);
    }
    fail_at(where_, begin, base::text("the ", is_block ? "block {%" : "expression {{", " is not closed"));
  }

  void read_word(std::string& open) {
    const char c = next();
    if (is_decimal(c)) return read_number();
    if (c == '"' || c == '\'') return read_text(c);
    if (is_name_begin(c)) {
      std::size_t end = at_;
      while (end < source_.size() && is_name_part(source_[end])) ++end;
      add(TokenKind::name, source_.substr(at_, end - at_));
      at_ = end;
      return;
    }
    for (const std::string_view sign : {"//", "**", "==", "!=", "<=", ">="})
      if (follows(sign)) {
        add(TokenKind::sign, std::string(sign));
        at_ += 2;
        return;
      }
    if (std::string_view("+-*/%~[](){}<>=.:|,;").find(c) == std::string_view::npos)
      fail(base::text("unexpected character '", source_.substr(at_, character_size(source_, at_)), "'"));
    if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty()) fail(base::text("unexpected '", c, "'"));
      if (open.back() != c) fail(base::text("unexpected '", c, "', expected '", open.back(), "'"));
      open.pop_back();
    }
    add(TokenKind::sign, std::string(1, c));
    ++at_;
  }

  void read_number() {
    std::size_t end = at_;
    const auto digits = [&] {
      while (end < source_.size() && (is_decimal(source_[end]) || (source_[end] == '_' && end + 1 < source_.size() &&
                                                                   is_decimal(source_[end + 1]))))
        ++end;
    };
    const auto digit_at = [&](std::size_t at) { return at < source_.size() && is_decimal(source_[at]); };
    digits();
    bool is_real = false;
    const bool after_dot = !tokens_.empty() && tokens_.back().kind == TokenKind::sign && tokens_.back().text == ".";
    if (!after_dot && end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      is_real = true;
      ++end;
      digits();
    }
    if (!after_dot && end < source_.size() && (source_[end] | 0x20) == 'e') {
      const std::size_t sign = end + 1 < source_.size() && (source_[end + 1] == '+' || source_[end + 1] == '-');
      if (digit_at(end + 1 + sign)) {
        is_real = true;
        end += 1 + sign;
        digits();
      }
    }
    if (end < source_.size() && is_name_part(source_[end])) fail("a number ends in letters");
    std::string text = source_.substr(at_, end - at_);
    std::erase(text, '_');
    Token token{is_real ? TokenKind::real : TokenKind::whole, line_, text};
    const auto read = is_real ? std::from_chars(text.data(), text.data() + text.size(), token.real)
                              : std::from_chars(text.data(), text.data() + text.size(), token.whole);
    if (read.ec != std::errc()) fail("the number " + text + " is too large");
    tokens_.push_back(std::move(token));
    at_ = end;
  }

  void read_text(char quote) {
    const int line = line_;
    std::string text;
    std::size_t at = at_ + 1;
    for (;; ++at) {
      if (at >= source_.size()) fail("the text is not closed");
      if (source_[at] == quote) break;
      if (source_[at] == '\\' && at + 1 < source_.size())
        at = read_escape(at + 1, text);
      else
        text += source_[at];
    }
    tokens_.push_back({TokenKind::text, line, std::move(text)});
    move_to(at + 1);
  }

  // Of the escape whose letter stands at `at`; returns where it ends (its last byte).
  std::size_t read_escape(std::size_t at, std::string& text) {
    constexpr std::string_view kShort = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";
    const char c = source_[at];
    for (std::size_t i = 0; i < kShort.size(); i += 2)
      if (kShort[i] == c) {
        text += kShort[i + 1];
        return at;
      }
    if (c == '\n') return at;
    if (c >= '0' && c <= '7') {
      std::int32_t point = 0;
      std::size_t end = at;
      while (end < source_.size() && end < at + 3 && source_[end] >= '0' && source_[end] <= '7')
        point = point * 8 + (source_[end++] - '0');
      base::append_utf8(text, point);
      return end - 1;
    }
    const std::size_t size = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (c == 'N') fail("the escape \\N is not supported");
    if (size == 0) {
      text.append("\\").append(source_, at, character_size(source_, at));
      return at + character_size(source_, at) - 1;
    }
    std::int64_t point = -1;
    const char* begin = source_.data() + at + 1;
    if (at + size < source_.size() && std::from_chars(begin, begin + size, point, 16).ptr != begin + size) point = -1;
    if (point < 0 || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
      fail(base::text("the escape \\", c, " needs ", size, " digits of a character"));
    base::append_utf8(text, static_cast<std::int32_t>(point));
    return at + size;
  }

  const std::string source_;
  const std::string& where_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool at_line_begin_ = true;
};

}  // namespace

void fail_at(const std::string& where, int line, const std::string& what, const std::string& fix) {
  throw Error::user({.what = what, .where = base::text(where, ":", line), .fix = fix});
}

std::vector<Token> tokens_of(const std::string& source, const std::string& where) {
  if (source.size() > Budget::kTemplateBytes)
    throw Error::user(
        {.what = base::text("the template is longer than ", base::bytes_text(Budget::kTemplateBytes)), .where = where});
  if (!base::is_utf8(source)) throw Error::user({.what = "the template is not UTF-8", .where = where});
  return Lexer(source, where).run();
}

}  // namespace muster::chat
