// Functions: \sin x, \sqrt{x}, \sum_{k=1}^{n}, f(x).
#include "runtime/reward/math/expressions.h"

#include "runtime/reward/math/build.h"

namespace muster::reward::math {

Expr Expressions::function() {
  switch (current().token) {
    case Token::function:
    case Token::gamma:
      return one_argument(advance().text);
    case Token::many_function:
      return many_arguments(advance().text);
    case Token::operator_name:
      return operator_name();
    case Token::sqrt:
      return root();
    case Token::letter_e:
      return euler_power();
    case Token::sum:
    case Token::product:
      return big_operator(advance().token == Token::sum ? "sum" : "product");
    case Token::integral:
    case Token::limit:
      return nullptr;
    default:
      return remembered(Rule::applied_name, [&] { return applied_name(); });
  }
}

bool Expressions::scripts(Scripts& out) {
  for (int side = 0; side < 2; ++side) {
    if (at(Token::underscore) && out.text.empty()) {
      const std::size_t start = place();
      if (!subscript(out.text)) return false;
      const std::size_t end = place();
      rewind(start + 1);
      out.base = script();
      rewind(end);
    } else if (at(Token::caret) && !out.power) {
      advance();
      out.power = script();
      if (!out.power) return false;
    }
  }
  return true;
}

Expr Expressions::argument() {
  const std::size_t start = place();
  if (take(Token::left_paren))
    if (Expr inner = expr(); inner && take(Token::right_paren)) return inner;
  rewind(start);
  return term(false);
}

Expr Expressions::one_argument(const std::string& name) {
  Scripts given;
  if (!scripts(given)) return nullptr;
  const Expr inner = argument();
  return inner ? function_of(name, inner, given.base, given.power) : nullptr;
}

Expr Expressions::many_arguments(const std::string& name) {
  Scripts given;
  if (!scripts(given) || !take(Token::left_paren)) return nullptr;
  std::vector<Expr> args;
  do {
    Expr each = expr();
    if (!each) return nullptr;
    args.push_back(each);
  } while (take(Token::comma));
  if (!take(Token::right_paren)) return nullptr;
  const Expr call = make_call(name, args);
  return given.power ? make(Kind::power, {call, given.power}) : call;
}

Expr Expressions::operator_name() {
  advance();
  if (!take(Token::left_brace) || !at(Token::word)) return nullptr;
  const std::string name = advance().text;
  if (!take(Token::right_brace)) return nullptr;
  return name == "gcd" || name == "lcm" ? many_arguments(name) : one_argument(name);
}

Expr Expressions::root() {
  advance();
  Expr degree;
  if (take(Token::left_bracket)) {
    degree = expr();
    if (!degree || !take(Token::right_bracket)) return nullptr;
  }
  if (!take(Token::left_brace)) return nullptr;
  const Expr inner = expr();
  if (!inner || !take(Token::right_brace)) return nullptr;
  const Expr one = make_number(Rational(1, 1));
  const Expr power = quotient_of(one, degree ? degree : make_number(Rational(2, 1)));
  return power ? make(Kind::power, {inner, power}) : nullptr;
}

Expr Expressions::euler_power() {
  advance();
  const std::size_t start = place();
  if (take(Token::caret))
    if (const Expr power = script()) return make(Kind::power, {make_constant("e"), power});
  rewind(start);
  return make_constant("e");
}

Expr Expressions::big_operator(const std::string& name) {
  Expr variable, first, last;
  for (int side = 0; side < 2; ++side) {
    if (take(Token::underscore)) {
      if (!take(Token::left_brace) || !(variable = expr()) || !take_relation("=") || !(first = expr()) ||
          !take(Token::right_brace))
        return nullptr;
    } else if (take(Token::caret)) {
      last = script();
    }
  }
  if (!first || !last) return nullptr;
  const Expr inner = term(true);
  return inner ? make_call(name, {inner, variable, first, last}) : nullptr;
}

Expr Expressions::applied_name() {
  if (!at(Token::letter) && !at(Token::greek) && !at(Token::symbol) && !at(Token::text)) return nullptr;
  std::string name = current().text;
  advance();
  std::string below;
  if (at(Token::underscore)) {
    if (!subscript(below)) return nullptr;
    name += "_" + below;
  }
  Expr power;
  if (take(Token::caret) && !(power = script())) return nullptr;
  const bool paren = at(Token::left_paren);
  if (!take(Token::left_paren) && !take(Token::left_bracket)) return nullptr;
  const Token close = paren ? Token::right_paren : Token::right_bracket;
  const std::size_t start = place();
  std::vector<Expr> args;
  if (Expr only = atom(); only && at(close)) {
    args.push_back(only);
  } else {
    rewind(start);
    do {
      if (at(close) && !args.empty()) break;
      Expr each = expr();
      if (!each || (args.empty() && !at(Token::comma))) return nullptr;
      args.push_back(each);
    } while (take(Token::comma));
  }
  if (!take(close)) return nullptr;
  const Expr call = make_call("\\" + name, args);
  return power ? make(Kind::power, {call, power}) : call;
}

}  // namespace muster::reward::math
