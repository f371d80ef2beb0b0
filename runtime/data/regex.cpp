#include "runtime/data/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cctype>
#include <optional>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/base/utf8.h"
#include "runtime/data/newer_characters.h"

namespace muster::data {
namespace {

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

std::string pcre2_message(int code) {
  PCRE2_UCHAR text[256] = {};
  pcre2_get_error_message(code, text, sizeof(text));
  return reinterpret_cast<const char*>(text);
}

[[noreturn]] void refuse(const std::string& what, const std::string& pattern, const std::string& where) {
  throw Error::user(
      {.what = what + " in the expression " + pattern, .where = where, .fix = "this tokenizer is not supported yet"});
}

}  // namespace

std::string pcre2_pattern(const std::string& pattern, const std::string& where) {
  // White space by Unicode's property: PCRE2's own \s also takes U+180E, which is none since Unicode 6.3.
  constexpr const char* kSpace = "\\t-\\r\\x{85}\\p{Z}";
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      if (next == 's')
        out += in_class ? kSpace : base::text("[", kSpace, "]");
      else if (next == 'S' && !in_class)
        out += base::text("[^", kSpace, "]");
      else if (next == 'w' || next == 'W' || next == 'h' || next == 'H')
        refuse(base::text("\\", next, " is not supported"), pattern, where);
      else
        out += base::text(c, next);
      continue;
    }
    if (in_class) {
      if (c == '[') refuse("a class within a class is not supported", pattern, where);
      if (c == '&' && i + 1 < pattern.size() && pattern[i + 1] == '&')
        refuse("an intersection of classes (&&) is not supported", pattern, where);
      if (c == ']') in_class = false;
    } else if (c == '[') {
      in_class = true;
      out += c;
      if (i + 1 < pattern.size() && pattern[i + 1] == '^') out += pattern[++i];
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') {  // a literal one at the beginning
        out += "\\]";
        ++i;
      }
      continue;
    } else if (c == '}' && i + 1 < pattern.size() && pattern[i + 1] == '+' && i > 0 &&
               std::isdigit(static_cast<unsigned char>(pattern[i - 1]))) {
      refuse("{n,m}+ is not supported", pattern, where);  // repeats in Oniguruma, is possessive in PCRE2
    }
    out += c;
  }
  return out;
}

std::string escaped_pattern(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c)) && c != '\0') out += '\\';
    if (c == '\0')
      out += "\\x{0}";
    else
      out += c;
  }
  return out;
}

struct Regex::State {
  std::unique_ptr<pcre2_code, FreeCode> code;
  bool jit = false;
  std::string where;
};

Regex::Regex(const std::string& pattern, const std::string& where) : state_(std::make_unique<State>()) {
  const std::string translated = pcre2_pattern(pattern, where);
  int error = 0;
  PCRE2_SIZE offset = 0;
  state_->where = where;
  state_->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &offset,
                                   nullptr));
  if (!state_->code) refuse(base::text("an error (", pcre2_message(error), ", at byte ", offset, ")"), pattern, where);
  state_->jit = pcre2_jit_compile(state_->code.get(), PCRE2_JIT_COMPLETE) == 0;
}

Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

void Regex::find_all(std::string_view given, std::vector<Span>& matches) const {
  const std::optional<std::string> other = with_stand_ins(given);
  const std::string_view text = other ? std::string_view(*other) : given;
  const std::unique_ptr<pcre2_match_data, FreeMatch> data(pcre2_match_data_create(1, nullptr));
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const PCRE2_SIZE* found = pcre2_get_ovector_pointer(data.get());
  std::size_t at = 0, last_end = std::string_view::npos;
  while (at <= text.size()) {
    int code = PCRE2_ERROR_JIT_STACKLIMIT;
    if (state_->jit) code = pcre2_jit_match(state_->code.get(), subject, text.size(), at, 0, data.get(), nullptr);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT)
      code = pcre2_match(state_->code.get(), subject, text.size(), at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data.get(),
                         nullptr);
    if (code == PCRE2_ERROR_NOMATCH) return;
    if (code < 0)
      throw Error::user(
          {.what = base::text("the expression fails on a text of ", text.size(), " bytes: ", pcre2_message(code)),
           .where = state_->where});
    const Span match{found[0], found[1]};
    if (match.begin == match.end) {  // an empty one right after a match does not count
      if (match.end != last_end) matches.push_back(match);
      at = match.end < text.size() ? match.end + base::utf8_step(text, match.end).size : match.end + 1;
    } else {
      matches.push_back(match);
      at = match.end;
    }
    last_end = match.end;
  }
}

}  // namespace muster::data
