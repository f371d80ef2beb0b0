// Each step begins with a look for the signs that it is about: most answers have none of them.
#include "runtime/reward/math/undress.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "runtime/base/text.h"
#include "runtime/base/utf8.h"
#include "runtime/reward/math/words.h"
#include "runtime/reward/pattern.h"

namespace muster::reward::math {
namespace {

constexpr std::size_t kMaxFaceBytes = 600;  // between the braces of a type face
constexpr int kMaxFaceDepth = 4;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// --- Unicode ---

struct Character {
  char32_t code = 0;
  std::size_t size = 1;
};

// A byte that is no UTF-8 is a character that nothing stands for.
Character character_at(std::string_view text, std::size_t at) {
  const auto step = base::utf8_step(text, at);
  const std::size_t size = std::max<std::size_t>(1, step.size);
  return {step.valid ? static_cast<char32_t>(base::code_point(text.substr(at, size))) : U'\uFFFD', size};
}

const std::map<char32_t, const char*>& signs() {
  static const std::map<char32_t, const char*> all = {
      {U'−', "-"},         {U'﹣', "-"},        {U'‐', "-"},         {U'‑', "-"},         {U'·', "\\cdot "},
      {U'⁄', "/"},         {U'∞', "\\infty "},  {U'°', "^{\\circ}"}, {U'º', "^{\\circ}"}, {U'∈', "\\in "},
      {U'℃', "^{\\circ}"}, {U'℉', "^{\\circ}"}, {U'…', "\\ldots "},  {U'ℎ', "h"},         {U'ⅈ', "i"},
      {U'ⅇ', "e"},         {U'ⅆ', "d"},         {U'′', "'"},         {U'\u00A0', " "},    {U'\u2007', " "},
      {U'\u2008', " "},    {U'\u2009', " "},    {U'\u200A', " "},    {U'\u202F', " "},    {U'\u205F', " "},
      {U'\u3000', " "},    {U'\u200B', ""},     {U'\u2060', ""},     {U'\uFEFF', ""},     {U'\u2061', ""},
      {U'\u2062', ""},     {U'，', ", "},       {U'。', ". "},       {U'；', "; "},       {U'：', ": "},
      {U'⟨', "\\langle "}, {U'⟩', "\\rangle "}, {U'⌊', "\\lfloor "}, {U'⌋', "\\rfloor "}, {U'⌈', "\\lceil "},
      {U'⌉', "\\rceil "}};
  return all;
}

const std::map<char32_t, std::array<const char*, 2>>& vulgar_fractions() {
  static const std::map<char32_t, std::array<const char*, 2>> all = {
      {U'¼', {"1", "4"}}, {U'½', {"1", "2"}}, {U'¾', {"3", "4"}}, {U'⅐', {"1", "7"}},  {U'⅑', {"1", "9"}},
      {U'⅓', {"1", "3"}}, {U'⅔', {"2", "3"}}, {U'⅕', {"1", "5"}}, {U'⅒', {"1", "10"}}, {U'⅖', {"2", "5"}},
      {U'⅗', {"3", "5"}}, {U'⅘', {"4", "5"}}, {U'⅙', {"1", "6"}}, {U'⅚', {"5", "6"}},  {U'⅛', {"1", "8"}},
      {U'⅜', {"3", "8"}}, {U'⅝', {"5", "8"}}, {U'⅞', {"7", "8"}}};
  return all;
}

char superscript(char32_t code) {
  static constexpr std::u32string_view kRaised = U"⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ⁽⁾ˣ";
  const std::size_t at = kRaised.find(code);
  return at == std::u32string_view::npos ? '\0' : "0123456789+-n()x"[at];
}
char subscript(char32_t code) { return code >= U'₀' && code <= U'₉' ? static_cast<char>('0' + (code - U'₀')) : '\0'; }

// Letters and digits of another width or face.
char plain_letter(char32_t code) {
  if (code >= 0xFF01 && code <= 0xFF5E) return static_cast<char>(code - 0xFF01 + '!');
  if (code >= 0x1D7CE && code <= 0x1D7FF) return static_cast<char>('0' + (code - 0x1D7CE) % 10);
  if (code < 0x1D400 || code > 0x1D6A3) return '\0';
  const char32_t letter = (code - 0x1D400) % 52;
  return static_cast<char>(letter < 26 ? 'A' + letter : 'a' + letter - 26);
}

class Signs {
 public:
  explicit Signs(std::string_view text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      const Character next = character_at(text_, at_);
      if (next.code < 0x80 || !replaced(next)) {
        out_.append(text_, at_, next.size);
        at_ += next.size;
      }
    }
    return std::move(out_);
  }

 private:
  bool replaced(const Character& next) {
    const char32_t code = next.code;
    if (superscript(code) != '\0') return run_of(superscript, "^{");
    if (subscript(code) != '\0') return run_of(subscript, "_{");
    if (code == U'√' || code == U'∛') return root(next, code == U'√' ? "\\sqrt" : "\\sqrt[3]");
    const char32_t behind = at_ + next.size < text_.size() ? character_at(text_, at_ + next.size).code : 0;
    const bool opens = out_.empty() || out_.back() == ' ' || out_.back() == '(' || out_.back() == '{';
    if (code == U'–' && behind < 0x80 && is_digit(static_cast<char>(behind)) && opens) return put("-", next);
    if (const char plain = plain_letter(code); plain != '\0') return put(std::string(1, plain), next);
    if (const auto found = signs().find(code); found != signs().end()) return put(found->second, next);
    const auto fraction = vulgar_fractions().find(code);
    if (fraction == vulgar_fractions().end()) return false;
    return put(base::text("\\frac{", fraction->second[0], "}{", fraction->second[1], "}"), next);
  }

  bool put(const std::string& text, const Character& next) {
    out_ += text;
    at_ += next.size;
    return true;
  }

  bool run_of(char (*plain)(char32_t), const char* open) {
    out_ += open;
    while (at_ < text_.size()) {
      const Character next = character_at(text_, at_);
      const char c = plain(next.code);
      if (c == '\0') break;
      out_ += c;
      at_ += next.size;
    }
    out_ += '}';
    return true;
  }

  // √5, √x, √(a+b), √{...}: what stands behind is the argument; a bracket stays for the parser.
  bool root(const Character& sign, const char* command) {
    at_ += sign.size;
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    out_ += command;
    if (at_ >= text_.size() || text_[at_] == '{') return true;
    std::size_t end = at_;
    if (text_[at_] == '(') {
      int depth = 0;
      const std::size_t limit = std::min(text_.size(), at_ + kMaxFaceBytes);
      for (; end < limit; ++end) {
        depth += text_[end] == '(' ? 1 : text_[end] == ')' ? -1 : 0;
        if (depth == 0) break;
      }
      if (depth != 0) return true;
      out_ += '{' + Signs(text_.substr(at_ + 1, end - at_ - 1)).run() + '}';
      at_ = end + 1;
      return true;
    }
    while (end < text_.size() &&
           (is_digit(text_[end]) || (text_[end] == '.' && end + 1 < text_.size() && is_digit(text_[end + 1]))))
      ++end;
    if (end == at_) end += character_at(text_, at_).size;
    out_ += '{' + std::string(text_.substr(at_, end - at_)) + '}';
    at_ = end;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

// --- Markdown ---

// Emphasis opens where no operand ends and closes where none begins: 2**10 and a*b*c are powers and products.
std::string without_emphasis(std::string text) {
  static const std::array<Pattern, 5> emphasis = {
      Pattern(R"((?<![\w)\]}*\\])\*{3}(?=[^\s*])([^\n*]{1,300}?)(?<=[^\s*\\])\*{3}(?![*\w(]))"),
      Pattern(R"((?<![\w)\]}*\\])\*\*(?=[^\s*])([^\n]{1,300}?)(?<=[^\s*\\])\*\*(?![(*]|(?<![:.]\*\*)\w))"),
      Pattern(R"((?<![\w)\]}\\])__(?=[^\s_])([^\n]{1,300}?)(?<=[^\s_\\])__(?!\w))"),
      Pattern(R"((?<![\w)\]}*\\^_])\*(?=[^\s*])([^*\n]{1,300}?)(?<=[^\s*\\])\*(?![\w(*]))"),
      Pattern(R"((?<![\w)\]}\\^])_(?=[^\s_{])([^_\n]{1,300}?)(?<=[^\s_\\])_(?!\w))")};
  for (const Pattern& each : emphasis)
    text = each.replaced(text, [&](const PatternMatch& match) { return std::string(match.group(text, 1)); });
  return text;
}

std::string without_fences(std::string text) {
  static const Pattern fence(R"(```[a-z]*)");
  text = fence.replaced(text, [](const PatternMatch&) { return std::string(); });
  std::erase(text, '`');
  return text;
}

// --- LaTeX ---

// True: letters alone are a name that the face belongs to.
const std::map<std::string, bool, std::less<>>& faces() {
  static const std::map<std::string, bool, std::less<>> all = {
      {"text", true},   {"textbf", true},      {"textit", true},  {"textrm", true},      {"textsf", true},
      {"texttt", true}, {"textup", true},      {"textsl", true},  {"textnormal", true},  {"emph", true},
      {"mbox", true},   {"hbox", true},        {"rm", true},      {"bf", true},          {"it", true},
      {"mathrm", true}, {"mathbf", false},     {"mathit", false}, {"mathsf", false},     {"mathtt", false},
      {"pmb", false},   {"mathnormal", false}, {"bm", false},     {"boldsymbol", false}, {"underline", false}};
  return all;
}

// Digits, operators, single letters and words of mathematics.
bool is_formula(std::string_view content) {
  bool says_something = false;
  for (std::size_t at = 0; at < content.size();) {
    if (!is_letter(content[at])) {
      says_something = says_something || is_digit(content[at]) || content[at] == '\\';
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < content.size() && is_letter(content[end])) ++end;
    const bool command = at > 0 && content[at - 1] == '\\';
    if (!command && end - at > 1 && !is_math_word(content.substr(at, end - at))) return false;
    at = end;
  }
  return says_something;
}

// What a face leaves of its content; none when the content is a name or a text that stays.
std::optional<std::string> without_face(std::string_view command, bool keeps_names, const std::string& content) {
  const std::string inner = base::trim(content);
  if (inner.empty()) return std::nullopt;
  if (is_formula(inner)) return content;
  if (inner.size() == 1 && command == "mathrm" && (inner == "e" || inner == "i")) return content;
  if (!keeps_names && (inner.size() == 1 || command == "underline")) return content;
  // 13 cm: the number is one, the rest stays text.
  static const Pattern measured(R"(^([-+]?\d[\d.,]*)(\s*[A-Za-z].*)$)");
  if (const auto match = measured.find(inner))
    return base::text(match->group(inner, 1), "\\text{", match->group(inner, 2), "}");
  return std::nullopt;
}

std::string without_faces(std::string_view text, int depth) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t slash = text.find('\\', at);
    if (slash == std::string_view::npos) break;
    std::size_t end = slash + 1;
    while (end < text.size() && is_letter(text[end])) ++end;
    out.append(text, at, slash - at);
    at = slash;
    const auto face = faces().find(text.substr(slash + 1, end - slash - 1));
    std::size_t open = end;
    while (open < text.size() && text[open] == ' ') ++open;
    const std::size_t limit = std::min(text.size(), open + kMaxFaceBytes);
    std::size_t close = open;
    if (face != faces().end() && open < text.size() && text[open] == '{') {
      int braces = 0;
      for (; close < limit; ++close) {
        if (text[close] == '\\')
          ++close;
        else
          braces += text[close] == '{' ? 1 : text[close] == '}' ? -1 : 0;
        if (braces == 0) break;
      }
      if (close < limit) {
        std::string content(text.substr(open + 1, close - open - 1));
        if (depth < kMaxFaceDepth) content = without_faces(content, depth + 1);
        if (const auto left = without_face(face->first, face->second, content))
          out += *left;
        else
          out += base::text('\\', face->first, '{', content, '}');
        at = close + 1;
        continue;
      }
    }
    const std::size_t next = std::max(end, std::min(slash + 2, text.size()));
    out.append(text, at, next - at);
    at = next;
  }
  out.append(text, std::min(at, text.size()));
  return out;
}

// \color{red}, {\bf ...}, \large; \$.
std::string without_declarations(std::string text) {
  static const Pattern declared(
      R"(\\(?:text)?color\s*(?:\[[a-zA-Z]{1,20}\])?\s*\{[^{}]{0,60}\}|\\(?:bf|rm|it|sf|tt|bfseries|itshape|boldmath|tiny|small|normalsize|large|Large|LARGE|huge|Huge|textstyle|scriptstyle)(?![a-zA-Z]|\s*\{)\s*)");
  return declared.replaced(text, [](const PatternMatch&) { return std::string(); });
}

}  // namespace

std::size_t num_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string undressed(std::string_view given) {
  std::string text(given);
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    text = Signs(text).run();
  if (text.find_first_of("*_") != std::string::npos) text = without_emphasis(std::move(text));
  if (text.find('`') != std::string::npos) text = without_fences(std::move(text));
  if (text.find('\\') == std::string::npos) return text;
  static const Pattern dollar(R"((?<!\\)\\\$)"), apart(R"((\\f?box(?:ed)?)\s+(?=\{))");
  text = apart.replaced(text, [&](const PatternMatch& match) { return std::string(match.group(text, 1)); });
  text = dollar.replaced(text, [](const PatternMatch&) { return std::string(); });
  return without_faces(without_declarations(std::move(text)), 0);
}

}  // namespace muster::reward::math
