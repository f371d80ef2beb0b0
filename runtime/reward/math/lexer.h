// LaTeX (and the Unicode signs that stand for it) -> tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::reward::math {

enum class Token {
  number,          // 12, 1.5, .5
  percent_number,  // 12%
  e_notation,      // 1.2E-3
  letter,          // one letter but e and E
  letter_e,        // e: Euler's number
  letter_big_e,    // E: a name
  differential,    // dx
  greek,           // \alpha, α; text is the name
  symbol,          // \ell, \triangle, ...; text is the name
  infinity,
  partial,
  text,           // \text{...}, \mathbf{...}, \vec{...}: text is the name that it stands for
  gamma,          // \Gamma, \gamma: a function or a number
  function,       // \sin, \log, ...: one argument
  many_function,  // \gcd, \lcm, \max, \min
  sqrt,
  sum,
  product,
  integral,
  limit,
  arrow,  // \to
  frac,
  binom,
  choose,
  operator_name,
  add,
  subtract,
  multiply,
  divide,
  modulo,
  plus_minus,
  bang,
  caret,
  underscore,
  comma,
  semicolon,
  bar,
  left_bar,
  right_bar,
  left_floor,
  right_floor,
  left_ceil,
  right_ceil,
  left_angle,
  right_angle,
  left_paren,
  right_paren,
  left_bracket,
  right_bracket,
  left_brace,
  right_brace,
  left_set,   // \{ or \lbrace
  right_set,  // \} or \rbrace
  boxed,
  matrix_begin,
  matrix_end,
  det_begin,
  det_end,
  next_column,
  next_row,
  degree,     // ^\circ
  transpose,  // ^T, '
  in,
  not_in,
  subset,
  superset,
  relation,  // text: = < <= > >= !=
  approx,
  named_set,  // text: N Z Q R C P empty
  set_union,
  intersection,
  set_minus,
  word,  // a name that only \operatorname may hold: rank, tr, gcd, ...
  end,
};

struct Lexeme {
  Token token = Token::end;
  std::string text;          // what the token stands for
  std::string_view written;  // as in the source
};

/// None when something stands there that is no token. The last lexeme is `end`.
std::optional<std::vector<Lexeme>> lexemes_of(std::string_view latex);

}  // namespace muster::reward::math
