#include "runtime/reward/math/expressions.h"

#include "runtime/reward/math/build.h"

namespace muster::reward::math {

Expr Expressions::relation() {
  return remembered(Rule::relation, [&]() -> Expr {
    Expr left = expr();
    while (left && (at(Token::relation) || at(Token::approx))) {
      const Lexeme& sign = advance();
      const Expr right = expr();
      if (!right) return nullptr;
      // What an answer is about equal to does not count, unless a name stands on the left.
      left = sign.token == Token::approx ? (only_symbols(left) ? right : left) : chained(left, sign.text, right);
    }
    return left;
  });
}

Expr Expressions::expr() {
  return remembered(Rule::expr, [&]() -> Expr {
    Expr left = term(true);
    while (left && (at(Token::add) || at(Token::subtract))) {
      const bool minus = advance().token == Token::subtract;
      const Expr right = term(true);
      left = right ? (minus ? difference_of(left, right) : sum_of(left, right)) : nullptr;
    }
    return left;
  });
}

Expr Expressions::term(bool functions) {
  Expr left = unary(functions);
  while (left && (at(Token::multiply) || at(Token::divide) || at(Token::modulo))) {
    const Token sign = advance().token;
    const Expr right = unary(functions);
    if (!right) return nullptr;
    left = sign == Token::multiply ? product_of(left, right)
           : sign == Token::divide ? quotient_of(left, right)
                                   : make_call("mod", {left, right});
  }
  return left;
}

Expr Expressions::unary(bool functions) {
  const Deeper deeper(*this);
  if (take(Token::add)) return unary(functions);
  if (take(Token::subtract)) {
    const Expr inner = unary(functions);
    return inner ? negated(inner) : nullptr;
  }
  std::vector<Expr> factors;
  for (Expr next; (next = factor(functions || factors.empty()));) factors.push_back(next);
  return factors.empty() ? nullptr : side_by_side(factors);
}

Expr Expressions::factor(bool functions) {
  const std::size_t start = place();
  Expr value = base(functions);
  while (value && take(Token::caret)) {
    const Expr power = script();
    if (!power) {
      rewind(start);
      return nullptr;
    }
    value = make(Kind::power, {value, power});
    std::string ignored;
    if (at(Token::underscore) && !subscript(ignored)) value = nullptr;
  }
  if (!value) {
    rewind(start);
    return nullptr;
  }
  for (;;) {
    if (take(Token::bang))
      value = make_call("factorial", {value});
    else if (take(Token::transpose))
      value = value->kind == Kind::matrix ? transposed(value) : value;
    else if (!take(Token::degree))
      return value;
  }
}

Expr Expressions::script() {
  if (take(Token::letter_e)) return make_constant("e");
  if (!take(Token::left_brace)) return atom();
  const Expr inner = expr();
  return inner && take(Token::right_brace) ? inner : nullptr;
}

bool Expressions::subscript(std::string& name) {
  if (!take(Token::underscore)) return false;
  const std::size_t start = place() + (at(Token::left_brace) ? 1 : 0);
  if (take(Token::left_brace)) {
    do {
      if (!expr()) return false;
    } while (take(Token::comma));
    name = written(start, place());
    return take(Token::right_brace);
  }
  if (!take(Token::letter_e) && !atom()) return false;
  name = written(start, place());
  return true;
}

Expr Expressions::base(bool functions) {
  const Deeper deeper(*this);
  const std::size_t start = place();
  for (const auto& form : {&Expressions::group, &Expressions::fenced, &Expressions::function, &Expressions::atom,
                           &Expressions::fraction, &Expressions::binomial, &Expressions::matrix}) {
    if (form == &Expressions::function && !functions) continue;
    if (Expr value = (this->*form)()) return value;
    rewind(start);
  }
  return nullptr;
}

Expr Expressions::group() {
  static constexpr std::pair<Token, Token> kPairs[] = {{Token::left_paren, Token::right_paren},
                                                       {Token::left_brace, Token::right_brace},
                                                       {Token::left_bracket, Token::right_bracket},
                                                       {Token::left_set, Token::right_set},
                                                       {Token::boxed, Token::right_brace}};
  for (const auto& [left, right] : kPairs) {
    if (!take(left)) continue;
    if (left == Token::boxed && !take(Token::left_brace)) return nullptr;
    Expr inner = expr();
    return inner && take(right) ? inner : nullptr;
  }
  return nullptr;
}

Expr Expressions::fenced() {
  static constexpr std::tuple<Token, Token, const char*> kFences[] = {{Token::bar, Token::bar, "abs"},
                                                                      {Token::left_bar, Token::right_bar, "abs"},
                                                                      {Token::left_floor, Token::right_floor, "floor"},
                                                                      {Token::left_ceil, Token::right_ceil, "ceil"}};
  for (const auto& [left, right, name] : kFences) {
    if (!take(left)) continue;
    const Expr inner = expr();
    return inner && take(right) ? make_call(name, {inner}) : nullptr;
  }
  return nullptr;
}

Expr Expressions::atom() {
  const std::size_t start = place();
  const Lexeme& lexeme = current();
  switch (lexeme.token) {
    case Token::letter:
    case Token::greek:
    case Token::symbol:
    case Token::text:
      return name();
    case Token::number: {
      advance();
      std::string base;
      if (at(Token::underscore) && !subscript(base)) {
        rewind(start);
        return nullptr;
      }
      if (base.empty()) return number_of(lexeme.text);
      const bool is_base = base.size() <= 2 && base.find_first_not_of("0123456789") == std::string::npos;
      return is_base ? numeral(lexeme.text, std::stoi(base)) : make_symbol(lexeme.text + "_" + base);
    }
    case Token::percent_number: {
      const Expr value = number_of(advance().text);
      return value ? make(Kind::percent, {value}) : nullptr;
    }
    case Token::e_notation:
      return scientific(advance().text);
    case Token::letter_big_e:
      advance();
      return make_symbol("e");
    case Token::differential:
      return make_symbol(advance().text);
    case Token::gamma:
      advance();
      return make_constant("gamma");
    case Token::infinity:
      advance();
      return make_infinity(1);
    default:
      return nullptr;
  }
}

Expr Expressions::name() {
  const Deeper deeper(*this);
  if (!at(Token::letter) && !at(Token::greek) && !at(Token::symbol) && !at(Token::text)) return nullptr;
  const Lexeme& lexeme = advance();
  if (lexeme.token == Token::letter && lexeme.text == "I") return make_constant("i");
  std::string below;
  Expr power;
  for (int side = 0; side < 2; ++side) {
    const std::size_t start = place();
    if (at(Token::underscore) && below.empty()) {
      if (!subscript(below)) {
        rewind(start);
        break;
      }
    } else if (at(Token::caret) && !power) {
      advance();
      power = script();
      if (!power) {
        rewind(start);
        break;
      }
    }
  }
  const Expr value = named(lexeme.text, below);
  return power ? make(Kind::power, {value, power}) : value;
}

Expr Expressions::fraction() {
  if (!take(Token::frac) || !take(Token::left_brace)) return nullptr;
  const Expr above = expr();
  if (!above || !take(Token::right_brace) || !take(Token::left_brace)) return nullptr;
  const Expr below = expr();
  return below && take(Token::right_brace) ? quotient_of(above, below) : nullptr;
}

Expr Expressions::binomial() {
  Expr above, below;
  if (take(Token::binom)) {
    if (!take(Token::left_brace) || !(above = expr()) || !take(Token::right_brace) || !take(Token::left_brace) ||
        !(below = expr()))
      return nullptr;
  } else if (!take(Token::left_brace) || !(above = expr()) || !take(Token::choose) || !(below = expr())) {
    return nullptr;
  }
  return take(Token::right_brace) ? make_call("binomial", {above, below}) : nullptr;
}

Expr Expressions::matrix() {
  const bool det = at(Token::det_begin);
  if (!take(Token::matrix_begin) && !take(Token::det_begin)) return nullptr;
  const Token close = det ? Token::det_end : Token::matrix_end;
  std::vector<Expr> cells;
  std::size_t columns = 0, rows = 0;
  do {
    if (rows > 0 && at(close)) break;
    std::size_t in_row = 0;
    do {
      Expr cell = expr();
      if (!cell) return nullptr;
      cells.push_back(cell);
      ++in_row;
    } while (take(Token::next_column));
    if (rows++ > 0 && in_row != columns) return nullptr;
    columns = in_row;
  } while (take(Token::next_row));
  if (!take(close)) return nullptr;
  const Expr made = make_matrix(std::move(cells), columns);
  return det ? make_call("det", {made}) : made;
}

}  // namespace muster::reward::math
