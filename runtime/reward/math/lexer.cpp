#include "runtime/reward/math/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <unordered_map>

namespace muster::reward::math {
namespace {

struct Entry {
  Token token;
  std::string text;
  bool skipped = false;
};
struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using Table = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;

void add(Table& table, Token token, std::initializer_list<const char*> words, const std::string& text = "") {
  for (const char* word : words) table[word] = {token, text.empty() ? word : text};
}

// The name that a command or a sign stands for: its word in lower case, so that A and a are one symbol.
std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

void add_greek(Table& table) {
  for (const char* name :
       {"alpha",    "beta", "delta", "Delta",  "epsilon", "varepsilon", "zeta",  "eta",      "theta", "Theta",
        "vartheta", "iota", "kappa", "lambda", "Lambda",  "mu",         "nu",    "xi",       "Xi",    "omicron",
        "pi",       "Pi",   "varpi", "rho",    "varrho",  "sigma",      "Sigma", "varsigma", "tau",   "upsilon",
        "Upsilon",  "phi",  "Phi",   "varphi", "chi",     "psi",        "Psi",   "omega",    "Omega"})
    table[std::string("\\") + name] = {Token::greek, lower(name)};
  const std::initializer_list<std::pair<const char*, const char*>> signs = {
      {"α", "alpha"},   {"β", "beta"},    {"δ", "delta"},  {"Δ", "delta"},    {"ε", "epsilon"},  {"ϵ", "varepsilon"},
      {"ζ", "zeta"},    {"η", "eta"},     {"θ", "theta"},  {"Θ", "theta"},    {"ϑ", "vartheta"}, {"ι", "iota"},
      {"κ", "kappa"},   {"λ", "lambda"},  {"Λ", "lambda"}, {"μ", "mu"},       {"ν", "nu"},       {"ξ", "xi"},
      {"Ξ", "xi"},      {"ο", "omicron"}, {"π", "pi"},     {"Π", "pi"},       {"ϖ", "varpi"},    {"ρ", "rho"},
      {"ϱ", "varrho"},  {"σ", "sigma"},   {"Σ", "sigma"},  {"ς", "varsigma"}, {"τ", "tau"},      {"υ", "upsilon"},
      {"Υ", "upsilon"}, {"φ", "phi"},     {"Φ", "phi"},    {"ϕ", "varphi"},   {"χ", "chi"},      {"ψ", "psi"},
      {"Ψ", "psi"},     {"ω", "omega"},   {"Ω", "omega"},  {"γ", "gamma"},    {"Γ", "gamma"}};
  for (const auto& [sign, name] : signs) table[sign] = {Token::greek, name};
}

void add_functions(Table& table) {
  for (const char* name : {"log",    "ln",     "exp",    "sin",     "cos",     "tan",     "csc",   "sec",  "cot",
                           "arcsin", "arccos", "arctan", "arccsc",  "arcsec",  "arccot",  "sinh",  "cosh", "tanh",
                           "arsinh", "arcosh", "artanh", "arcsinh", "arccosh", "arctanh", "floor", "ceil", "det"})
    table[std::string("\\") + name] = {Token::function, name};
  for (const char* name : {"gcd", "lcm", "max", "min"}) table[std::string("\\") + name] = {Token::many_function, name};
  add(table, Token::gamma, {"\\Gamma", "\\gamma"}, "gamma");
  add(table, Token::sqrt, {"\\sqrt"});
  add(table, Token::sum, {"\\sum"});
  add(table, Token::product, {"\\prod"});
  add(table, Token::integral, {"\\int"});
  add(table, Token::limit, {"\\lim"});
  add(table, Token::arrow, {"\\to", "\\rightarrow", "\\Rightarrow", "\\longrightarrow", "\\Longrightarrow"});
  add(table, Token::frac, {"\\frac", "\\dfrac", "\\tfrac", "\\cfrac"});
  add(table, Token::binom, {"\\binom", "\\tbinom", "\\dbinom"});
  add(table, Token::choose, {"\\choose"});
  add(table, Token::operator_name, {"\\operatorname"});
  for (const char* word :
       {"arsinh",      "arcsinh",    "arcosh",        "arccosh",   "artanh", "arctanh", "gcd",         "lcm",
        "floor",       "ceil",       "eye",           "zeros",     "ones",   "cols",    "rows",        "diag",
        "norm",        "rank",       "trace",         "tr",        "rref",   "hstack",  "vstack",      "orth",
        "ortho",       "orthogonal", "orthogonalize", "nullspace", "eig",    "eigen",   "diagonalize", "eigenvals",
        "eigenvalues", "eigenvects", "eigenvectors",  "svd",       "SVD",    "matrix",  "pmatrix",     "bmatrix",
        "vmatrix"})
    table[word] = {Token::word, word};
}

void add_operators(Table& table) {
  add(table, Token::add, {"+", "∔", "⊕", "⊞"});
  add(table, Token::subtract, {"-", "−", "∸"});
  add(table, Token::multiply,
      {"*", "×", "⋅", "⋄", "⊡", "∗", "⋆", "∘", "∙", "⊗", "⊠", "⋈", "⋉", "⋊", "\\times", "\\cdot"});
  add(table, Token::divide, {"/", "÷", "∕", "\\over", "\\div", ":"});
  add(table, Token::modulo, {"\\mod"});
  add(table, Token::plus_minus, {"\\pm", "±", "∓", "\\mp"});
  add(table, Token::bang, {"!"});
  add(table, Token::caret, {"^"});
  add(table, Token::underscore, {"_"});
  add(table, Token::comma, {","});
  add(table, Token::semicolon, {";"});
  add(table, Token::degree,
      {"^\\circ", "^\\degree", "^\\circle", "^°", "^{\\circ}", "^{\\degree}", "^{\\circle}", "^{°}"});
  add(table, Token::transpose, {"^T", "^{T}", "^{\\top}", "'"});
  add(table, Token::in, {"\\in"});
  add(table, Token::not_in, {"\\notin", "∉"});
  add(table, Token::subset, {"\\subseteq", "⊆"});
  add(table, Token::superset, {"\\supseteq", "⊇"});
  add(table, Token::relation, {"=", "==", "≡", "≣", "≟", "≎", "≏", "≐", "≑", "≒", "≓", "≔", "≕", "≖", "≗", "\\equiv"},
      "=");
  add(table, Token::relation, {"<", "≪", "≺", "⋖", "\\lt"}, "<");
  add(table, Token::relation, {"\\leq", "\\le", "\\leqslant", "≤", "≦", "≲", "≾", "<="}, "<=");
  add(table, Token::relation, {">", "≫", "≻", "⋗", "\\gt"}, ">");
  add(table, Token::relation, {"\\geq", "\\ge", "\\geqslant", "≥", "≧", "≳", "≿", ">="}, ">=");
  add(table, Token::relation, {"!=", "!==", "\\ne", "\\neq", "\\not\\equiv", "≠", "≁", "≄", "≇", "≉", "≢"}, "!=");
  add(table, Token::approx, {"~=", "≈", "≊", "≋", "≃", "≅", "\\approx"});
  add(table, Token::set_union, {"\\cup", "∪"});
  add(table, Token::intersection, {"\\cap", "∩"});
  add(table, Token::set_minus, {"\\setminus", "∖"});
}

void add_brackets(Table& table) {
  add(table, Token::left_paren, {"(", "\\(", "\\lgroup"});
  add(table, Token::right_paren, {")", "\\)", "\\rgroup"});
  add(table, Token::left_bracket, {"[", "\\lbrack"});
  add(table, Token::right_bracket, {"]", "\\rbrack"});
  add(table, Token::left_brace, {"{"});
  add(table, Token::right_brace, {"}"});
  add(table, Token::left_set, {"\\{", "\\lbrace"});
  add(table, Token::right_set, {"\\}", "\\rbrace"});
  add(table, Token::bar, {"|", "\\vert"});
  add(table, Token::left_bar, {"\\lvert"});
  add(table, Token::right_bar, {"\\rvert"});
  add(table, Token::left_floor, {"\\lfloor", "\\llcorner"});
  add(table, Token::right_floor, {"\\rfloor", "\\lrcorner"});
  add(table, Token::left_ceil, {"\\lceil", "\\ulcorner"});
  add(table, Token::right_ceil, {"\\rceil", "\\urcorner"});
  add(table, Token::left_angle, {"\\langle"});
  add(table, Token::right_angle, {"\\rangle"});
  add(table, Token::boxed, {"\\boxed", "\\phantom"});
  for (const char* kind : {"matrix", "pmatrix", "bmatrix"}) {
    table[std::string("\\begin{") + kind + "}"] = {Token::matrix_begin, ""};
    table[std::string("\\end{") + kind + "}"] = {Token::matrix_end, ""};
  }
  table["\\begin{vmatrix}"] = {Token::det_begin, ""};
  table["\\end{vmatrix}"] = {Token::det_end, ""};
  table["\\end{array}"] = {Token::matrix_end, ""};
  add(table, Token::next_column, {"&"});
  add(table, Token::next_row, {"\\\\"});
}

void add_symbols(Table& table) {
  for (const char* name : {"Bbbk",          "wp",      "nabla",          "bigstar",
                           "angle",         "nexists", "diagdown",       "measuredangle",
                           "eth",           "diagup",  "sphericalangle", "clubsuit",
                           "varnothing",    "Diamond", "complement",     "diamondsuit",
                           "imath",         "Finv",    "triangledown",   "heartsuit",
                           "jmath",         "Game",    "triangle",       "spadesuit",
                           "ell",           "hbar",    "vartriangle",    "hslash",
                           "blacklozenge",  "lozenge", "blacksquare",    "mho",
                           "blacktriangle", "sharp",   "prime",          "Im",
                           "flat",          "square",  "backprime",      "Re",
                           "natural",       "surd",    "circledS"})
    table[std::string("\\") + name] = {Token::symbol, lower(name)};
  for (const char* sign : {"ℵ", "ℶ", "ℷ", "ℸ"}) table[sign] = {Token::symbol, sign};
  add(table, Token::infinity, {"\\infty", "\\infty%", "\\infty\\%", "\\$\\infty"});
  add(table, Token::partial, {"\\partial"});
  const std::initializer_list<std::pair<const char*, const char*>> sets = {
      {"\\mathbb{N}", "N"}, {"ℕ", "N"},          {"\\mathbb{Z}", "Z"},         {"ℤ", "Z"},
      {"\\mathbb{Q}", "Q"}, {"ℚ", "Q"},          {"\\mathbb{R}", "R"},         {"ℝ", "R"},
      {"\\mathbb{C}", "C"}, {"ℂ", "C"},          {"\\emptyset", "empty"},      {"\\varnothing", "empty"},
      {"∅", "empty"},       {"\\{\\}", "empty"}, {"\\lbrace\\rbrace", "empty"}};
  for (const auto& [sign, name] : sets) table[sign] = {Token::named_set, name};
  for (const char* space :
       {"\\,", "\\thinspace", "\\:", "\\medspace", "\\;", "\\thickspace", "\\quad", "\\qquad", "\\!", "\\negthinspace",
        "\\negmedspace", "\\negthickspace", "\\$", "\\vrule", "\\vcenter", "\\vbox", "\\vskip", "\\vspace", "\\hfil"})
    table[space] = {Token::end, "", true};
}

struct Words {
  Table table;
  std::array<std::size_t, 256> longest{};  // by the first byte
};

const Words& words() {
  static const Words all = [] {
    Words made;
    add_greek(made.table);
    add_functions(made.table);
    add_operators(made.table);
    add_brackets(made.table);
    add_symbols(made.table);
    for (const auto& [word, entry] : made.table) {
      std::size_t& longest = made.longest[static_cast<unsigned char>(word[0])];
      longest = std::max(longest, word.size());
    }
    return made;
  }();
  return all;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// A command that names what stands in its braces: the prefix of that name.
const std::map<std::string, std::string, std::less<>>& naming_commands() {
  static const std::map<std::string, std::string, std::less<>> commands = [] {
    std::map<std::string, std::string, std::less<>> made = {
        {"bar", "bar"},     {"overline", "bar"},    {"vec", "vec"}, {"overrightarrow", "vec"},
        {"tilde", "tilde"}, {"widetilde", "tilde"}, {"text", ""},   {"textit", ""},
        {"textbf", ""},     {"textnormal", ""},     {"mbox", ""}};
    for (const char* same : {"acute", "breve", "check", "widecheck", "dot", "ddot", "grave", "hat", "bm", "boldsymbol"})
      made[same] = same;
    for (const char* font :
         {"bb",   "bin", "bf",    "cal", "clap", "close", "ellipsis", "frak", "inner", "it",       "normal", "op",
          "open", "ord", "punct", "rel", "ring", "rlap",  "rm",       "scr",  "sf",    "sterling", "tt"})
      made[std::string("math") + font] = "math";
    return made;
  }();
  return commands;
}

class Lexer {
 public:
  explicit Lexer(std::string_view latex) : text_(latex) {}

  std::optional<std::vector<Lexeme>> run() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (!next()) {
        return std::nullopt;
      }
    }
    out_.push_back({Token::end, "", {}});
    return std::move(out_);
  }

 private:
  char peek(std::size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void push(Token token, std::string text, std::size_t size) {
    out_.push_back({token, std::move(text), text_.substr(at_, size)});
    at_ += size;
  }

  bool next() {
    if (number() || naming() || array() || command() || letter()) return true;
    return false;
  }

  // Whichever of number, percentage and power-of-ten form is longest.
  bool number() {
    std::size_t size = 0;
    while (is_digit(peek(size))) ++size;
    if (peek(size) == '.' && is_digit(peek(size + 1)))
      for (++size; is_digit(peek(size));) ++size;
    if (size == 0) return false;
    const std::string digits(text_.substr(at_, size));
    std::size_t behind = size + (is_space(peek(size)) ? 1 : 0);
    if (peek(behind) == '\\' && peek(behind + 1) == '%') ++behind;
    if (peek(behind) == '%') {
      push(Token::percent_number, digits, behind + 1);
      return true;
    }
    if (peek(size) == 'E' || peek(size) == 'e') {
      const bool has_sign = peek(size + 1) == '-' || peek(size + 1) == '+';
      std::size_t end = size + 1 + (has_sign ? 1 : 0);
      const std::size_t first = end;
      while (is_digit(peek(end))) ++end;
      // 2e-1 is two times Euler's number, less one; 1e-7, 1.5e-7 and 2e-07 are written by programs.
      const bool is_power =
          peek(size) == 'E' || !has_sign || end > first + 1 || digits == "1" || digits.find('.') != std::string::npos;
      if (end > first && is_power) {
        push(Token::e_notation, std::string(text_.substr(at_, end)), end);
        return true;
      }
    }
    push(Token::number, digits, size);
    return true;
  }

  // \text{ cm} and its like, up to the first closing brace that is not \}.
  bool naming() {
    if (peek(0) != '\\') return false;
    std::size_t size = 1;
    while (is_letter(peek(size))) ++size;
    const auto command = naming_commands().find(text_.substr(at_ + 1, size - 1));
    if (command == naming_commands().end()) return false;
    if (is_space(peek(size))) ++size;
    if (peek(size) != '{') return false;
    std::size_t end = at_ + size + 1;
    while (end < text_.size() && text_[end] != '}') end += text_.substr(end, 2) == "\\}" ? 2 : 1;
    if (end >= text_.size()) return false;
    const std::string_view whole = text_.substr(at_, end + 1 - at_);
    if (words().table.contains(whole)) return false;  // \mathbb{R}
    std::string name;
    for (const char c : text_.substr(at_ + size + 1, end - at_ - size - 1))
      if (c != ' ' && (!command->second.empty() || (c != '(' && c != ')'))) name += c;
    if (!command->second.empty()) name = command->second + "{" + name + "}";
    push(Token::text, lower(name), whole.size());
    return true;
  }

  // \begin{array}{ccc}
  bool array() {
    constexpr std::string_view kBegin = "\\begin{array}{";
    if (text_.substr(at_, kBegin.size()) != kBegin) return false;
    std::size_t size = kBegin.size();
    while (peek(size) == 'c' || peek(size) == 'l' || peek(size) == 'r') ++size;
    if (peek(size) != '}') return false;
    push(Token::matrix_begin, "", size + 1);
    return true;
  }

  bool command() {
    const std::size_t longest = words().longest[static_cast<unsigned char>(text_[at_])];
    for (std::size_t size = std::min(longest, text_.size() - at_); size > 0; --size) {
      const auto found = words().table.find(text_.substr(at_, size));
      if (found == words().table.end()) continue;
      if (found->second.skipped)
        at_ += size;
      else
        push(found->second.token, found->second.text, size);
      return true;
    }
    return false;
  }

  bool letter() {
    const char c = peek(0);
    if (c == 'd') {
      std::size_t behind = 1;
      while (is_space(peek(behind))) ++behind;
      std::size_t end = behind;
      if (peek(end) == '\\')
        for (++end; is_letter(peek(end));) ++end;
      else if (is_letter(peek(end)))
        ++end;
      if (end > behind + (peek(behind) == '\\' ? 1 : 0)) {
        push(Token::differential, "d" + lower(std::string(text_.substr(at_ + behind, end - behind))), end);
        return true;
      }
    }
    if (!is_letter(c)) return false;
    push(c == 'e' ? Token::letter_e : c == 'E' ? Token::letter_big_e : Token::letter, std::string(1, c), 1);
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Lexeme> out_;
};

}  // namespace

std::optional<std::vector<Lexeme>> lexemes_of(std::string_view latex) { return Lexer(latex).run(); }

}  // namespace muster::reward::math
