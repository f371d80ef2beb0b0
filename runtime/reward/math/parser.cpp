#include "runtime/reward/math/parser.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "runtime/reward/math/build.h"
#include "runtime/reward/math/lexer.h"
#include "runtime/reward/math/token_reader.h"

namespace muster::reward::math {
namespace {

using List = std::vector<Expr>;

class Parser : TokenReader {
 public:
  explicit Parser(std::vector<Lexeme> lexemes) : TokenReader(std::move(lexemes)) {}

  Expr answer() {
    for (const auto& form : {&Parser::named_elements, &Parser::plain_elements, &Parser::set_relation}) {
      rewind(0);
      if (Expr expr = (this->*form)(); expr && at(Token::end)) return expr;
    }
    return nullptr;
  }

 private:
  // --- elements ---

  Expr named_elements() {
    const Expr names = name_list();
    if (!names || !(take(Token::in) || take_relation("="))) return nullptr;
    const auto lists = element_lists(false);
    return lists ? make(Kind::relation, {names, set_of_lists(*lists)}, "=") : nullptr;
  }

  Expr plain_elements() {
    const auto lists = element_lists(true);
    return lists ? set_of_lists(*lists) : nullptr;
  }

  std::optional<std::vector<List>> element_lists(bool relations) {
    std::vector<List> lists(1);
    for (;;) {
      if (!element(lists.back(), relations)) return std::nullopt;
      if (take(Token::semicolon))
        lists.emplace_back();
      else if (!take(Token::comma))
        return lists;
      if (++num_elements_ > kMaxElements) throw TooMuch{};
    }
  }

  bool ends_element() const {
    for (const Token token : {Token::comma, Token::semicolon, Token::end, Token::right_paren, Token::right_bracket,
                              Token::right_brace, Token::right_set})
      if (at(token)) return true;
    return false;
  }

  bool element(List& out, bool relations) {
    const std::size_t start = place();
    if (plus_minus(out) && ends_element()) return true;
    rewind(start);
    if (Expr set = set_atom(); set && ends_element()) {
      out.push_back(set);
      return true;
    }
    rewind(start);
    Expr value = relations ? relation() : expr();
    if (!value || !ends_element()) return false;
    out.push_back(value);
    return true;
  }

  bool plus_minus(List& out) {
    const Expr left = at(Token::plus_minus) ? nullptr : expr();
    if (!take(Token::plus_minus)) return false;
    const Expr right = expr();
    if (!right || !ends_element()) return false;
    out.push_back(left ? sum_of(left, right) : negated(right));
    out.push_back(left ? difference_of(left, right) : right);
    return true;
  }

  // (x, y) or x
  Expr name_list() {
    if (!at(Token::left_paren)) return name();
    advance();
    List names;
    do {
      Expr each = name();
      if (!each) return nullptr;
      names.push_back(each);
    } while (take(Token::comma));
    if (!take(Token::right_paren)) return nullptr;
    return names.size() == 1 ? names[0] : make(Kind::tuple, names);
  }

  // --- sets ---

  Expr set_relation() {
    const Deeper deeper(*this);
    const std::size_t start = place();
    if (const Expr names = name_list(); names && (at(Token::in) || at(Token::not_in) || at_relation("="))) {
      const bool outside = at(Token::not_in);
      advance();
      const Expr right = set_relation();
      if (!right) return nullptr;
      return make(Kind::relation, {names, right}, outside ? "notin" : "=");
    }
    rewind(start);
    return set_operation(0);
  }

  Expr set_operation(std::size_t level) {
    static constexpr Token kSigns[] = {Token::set_minus, Token::set_union, Token::intersection};
    static constexpr Kind kKinds[] = {Kind::difference, Kind::set_union, Kind::intersection};
    if (level == 3) return set_group();
    Expr left = set_operation(level + 1);
    while (left && take(kSigns[level])) {
      const Expr right = set_operation(level + 1);
      left = right ? make(kKinds[level], {set_of(left), set_of(right)}) : nullptr;
    }
    return left;
  }

  Expr set_group() {
    const Deeper deeper(*this);
    const std::size_t start = place();
    if (take(Token::left_paren))
      if (Expr inner = set_operation(0); inner && take(Token::right_paren)) return inner;
    rewind(start);
    return set_atom();
  }

  Expr set_atom() {
    return remembered(Rule::set_atom, [&]() -> Expr {
      const std::size_t start = place();
      for (const auto& form : {&Parser::interval, &Parser::literal_set, &Parser::tuple, &Parser::finite_set}) {
        rewind(start);
        if (Expr set = (this->*form)()) return set;
      }
      return nullptr;
    });
  }

  Expr interval() {
    const bool left_open = at(Token::left_paren);
    if (!take(Token::left_paren) && !take(Token::left_bracket)) return nullptr;
    const Expr low = expr();
    if (!low || !take(Token::comma)) return nullptr;
    const Expr high = expr();
    const bool right_open = at(Token::right_paren);
    if (!high || !(take(Token::right_paren) || take(Token::right_bracket))) return nullptr;
    return interval_or_tuple(low, high, left_open, right_open);
  }

  Expr literal_set() {
    if (at(Token::named_set)) return make(Kind::named_set, {}, advance().text);
    return take(Token::left_brace) && take(Token::right_brace) ? make(Kind::named_set, {}, "empty") : nullptr;
  }

  Expr tuple() {
    const bool paren = at(Token::left_paren);
    if (!take(Token::left_paren) && !take(Token::left_bracket)) return nullptr;
    const auto lists = element_lists(true);
    if (!lists || !take(paren ? Token::right_paren : Token::right_bracket)) return nullptr;
    List all = joined(*lists);
    return all.size() == 1 ? all[0] : make(Kind::tuple, std::move(all));
  }

  Expr finite_set() {
    const bool boxed = take(Token::boxed), visible = at(Token::left_set);
    if (!take(Token::left_brace) && (boxed || !take(Token::left_set))) return nullptr;
    const auto lists = element_lists(true);
    if (!lists || !take(visible ? Token::right_set : Token::right_brace)) return nullptr;
    return boxed ? set_of_lists(*lists) : make(Kind::finite_set, joined(*lists));
  }

  // --- relations and expressions ---

  Expr relation() {
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

  Expr expr() {
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

  // Without `functions` only the first factor of a run may be one: the argument of \sin ends before \cos.
  Expr term(bool functions) {
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

  Expr unary(bool functions) {
    const Deeper deeper(*this);
    if (take(Token::add)) return unary(functions);
    if (take(Token::subtract)) {
      const Expr inner = unary(functions);
      return inner ? negated(inner) : nullptr;
    }
    List factors;
    for (Expr next; (next = factor(functions || factors.empty()));) factors.push_back(next);
    return factors.empty() ? nullptr : side_by_side(factors);
  }

  Expr factor(bool functions) {
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

  // Behind ^: an atom or {expr}.
  Expr script() {
    if (!take(Token::left_brace)) return atom();
    const Expr inner = expr();
    return inner && take(Token::right_brace) ? inner : nullptr;
  }

  // Behind a name: _1, _{10}, _{i,j}; its text goes to `name`.
  bool subscript(std::string& name) {
    if (!take(Token::underscore)) return false;
    const std::size_t start = place() + (at(Token::left_brace) ? 1 : 0);
    if (take(Token::left_brace)) {
      do {
        if (!expr()) return false;
      } while (take(Token::comma));
      name = written(start, place());
      return take(Token::right_brace);
    }
    if (!atom()) return false;
    name = written(start, place());
    return true;
  }

  Expr base(bool functions) {
    const Deeper deeper(*this);
    const std::size_t start = place();
    for (const auto& form : {&Parser::group, &Parser::fenced, &Parser::function, &Parser::atom, &Parser::fraction,
                             &Parser::binomial, &Parser::matrix}) {
      if (form == &Parser::function && !functions) continue;
      if (Expr value = (this->*form)()) return value;
      rewind(start);
    }
    return nullptr;
  }

  Expr group() {
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

  // |x|, floors, ceilings
  Expr fenced() {
    static constexpr std::tuple<Token, Token, const char*> kFences[] = {
        {Token::bar, Token::bar, "abs"},
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

  // --- functions ---

  Expr function() {
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

  struct Scripts {
    Expr base, power;
    std::string text;
  };
  bool scripts(Scripts& out) {
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

  Expr argument() {
    const std::size_t start = place();
    if (take(Token::left_paren))
      if (Expr inner = expr(); inner && take(Token::right_paren)) return inner;
    rewind(start);
    return term(false);
  }

  Expr one_argument(const std::string& name) {
    Scripts given;
    if (!scripts(given)) return nullptr;
    const Expr inner = argument();
    return inner ? function_of(name, inner, given.base, given.power) : nullptr;
  }

  Expr many_arguments(const std::string& name) {
    Scripts given;
    if (!scripts(given) || !take(Token::left_paren)) return nullptr;
    List args;
    do {
      Expr each = expr();
      if (!each) return nullptr;
      args.push_back(each);
    } while (take(Token::comma));
    if (!take(Token::right_paren)) return nullptr;
    const Expr call = make_call(name, args);
    return given.power ? make(Kind::power, {call, given.power}) : call;
  }

  Expr operator_name() {
    advance();
    if (!take(Token::left_brace) || !at(Token::word)) return nullptr;
    const std::string name = advance().text;
    if (!take(Token::right_brace)) return nullptr;
    return name == "gcd" || name == "lcm" ? many_arguments(name) : one_argument(name);
  }

  Expr root() {
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

  Expr euler_power() {
    advance();
    const std::size_t start = place();
    if (take(Token::caret))
      if (const Expr power = script()) return make(Kind::power, {make_constant("e"), power});
    rewind(start);
    return make_constant("e");
  }

  // \sum_{k=1}^{n} term
  Expr big_operator(const std::string& name) {
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

  // f(x), f(1, 2), f^{-1}(x): one atom, or arguments with a comma.
  Expr applied_name() {
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
    List args;
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

  // --- atoms ---

  Expr atom() {
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
        std::string ignored;
        if (at(Token::underscore) && !subscript(ignored)) {  // the base of a numeral: only its digits count
          rewind(start);
          return nullptr;
        }
        return number_of(lexeme.text);
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

  Expr name() {
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

  Expr fraction() {
    if (!take(Token::frac) || !take(Token::left_brace)) return nullptr;
    const Expr above = expr();
    if (!above || !take(Token::right_brace) || !take(Token::left_brace)) return nullptr;
    const Expr below = expr();
    return below && take(Token::right_brace) ? quotient_of(above, below) : nullptr;
  }

  Expr binomial() {
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

  Expr matrix() {
    const bool det = at(Token::det_begin);
    if (!take(Token::matrix_begin) && !take(Token::det_begin)) return nullptr;
    const Token close = det ? Token::det_end : Token::matrix_end;
    List cells;
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

  static constexpr int kMaxElements = 1000;
  int num_elements_ = 0;
};

}  // namespace

Expr parse_latex(std::string_view latex) {
  if (latex.size() > kMaxLatexBytes) return nullptr;
  if (const Expr number = grouped_number(latex)) return number;
  auto lexemes = lexemes_of(latex);
  if (!lexemes) return nullptr;
  try {
    return Parser(std::move(*lexemes)).answer();
  } catch (const TooMuch&) {
    return nullptr;
  }
}

}  // namespace muster::reward::math
