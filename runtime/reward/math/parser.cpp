#include "runtime/reward/math/parser.h"

#include <algorithm>
#include <optional>

#include "runtime/reward/math/build.h"
#include "runtime/reward/math/expressions.h"
#include "runtime/reward/math/lexer.h"

namespace muster::reward::math {
namespace {

using List = std::vector<Expr>;

class Parser : Expressions {
 public:
  explicit Parser(std::vector<Lexeme> lexemes) : Expressions(std::move(lexemes)) {}

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
    const bool turned = at(Token::right_bracket), left_open = at(Token::left_paren) || turned;  // ]1, 2[ is (1, 2)
    if (!take(Token::left_paren) && !take(Token::left_bracket) && !take(Token::right_bracket)) return nullptr;
    const Expr low = expr();
    if (!low || !take(Token::comma)) return nullptr;
    const Expr high = expr();
    const bool turned_back = at(Token::left_bracket), right_open = at(Token::right_paren) || turned_back;
    if (!high || !(take(Token::right_paren) || take(Token::right_bracket) || take(Token::left_bracket))) return nullptr;
    return turned || turned_back ? make_interval(low, high, left_open, right_open)
                                 : interval_or_tuple(low, high, left_open, right_open);
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
    if (boxed) return set_of_lists(*lists);
    return make(Kind::finite_set, joined(*lists), visible ? "" : kListName);
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
