#include "runtime/reward/math/equal.h"

#include <algorithm>

namespace muster::reward::math {
namespace {

bool is_relation(const Expr& expr) {
  return (expr->kind == Kind::relation && expr->name != "notin") || expr->kind == Kind::chain;
}
bool is_equation(const Expr& expr) {
  if (expr->kind == Kind::chain) return std::all_of(expr->args.begin(), expr->args.end(), is_equation);
  return expr->kind == Kind::relation && expr->name == "=";
}
const Expr& first_link(const Expr& expr) { return expr->kind == Kind::chain ? expr->args.front() : expr; }
const Expr& last_link(const Expr& expr) { return expr->kind == Kind::chain ? expr->args.back() : expr; }
// x = 5, or x = 2 + 3 = 5
bool is_assignment(const Expr& expr) { return is_equation(expr) && only_symbols(first_link(expr)->args[0]); }
const Expr& right_side(const Expr& expr) { return last_link(expr)->args[1]; }

Expr with_names_of(const Expr& gold, const Expr& answer) {
  const auto wanted = symbols_of(gold), had = symbols_of(answer);
  return wanted.size() == had.size() ? renamed(answer, had, wanted) : answer;
}

// abc is a name to one and a product of letters to the other.
bool equal_names(const Expr& a, const Expr& b) {
  const Expr& name = a->kind == Kind::symbol ? a : b;
  const Expr& other = a->kind == Kind::symbol ? b : a;
  const auto letters = [](const Expr& each) {
    return each->kind == Kind::symbol || (each->kind == Kind::constant && each->name == "e");
  };
  if (letters(other)) return name->name == other->name;
  if (other->kind != Kind::multiply || !std::all_of(other->args.begin(), other->args.end(), letters)) return false;
  std::string joined;
  for (const Expr& letter : other->args) joined += letter->name;
  return name->name == joined;
}

}  // namespace

bool equal(Expr gold, Expr answer, const EqualSettings& settings) {
  if (!settings.strict) answer = with_names_of(gold, answer);
  const bool gold_assigns = is_assignment(gold), answer_equates = is_equation(answer);
  // Of a = b = c only the ends count.
  for (Expr* each : {&gold, &answer})
    if (is_assignment(*each)) *each = make(Kind::relation, {first_link(*each)->args[0], right_side(*each)}, "=");
  if (answer_equates && !is_equation(gold))
    answer = right_side(answer);
  else if (gold_assigns && !answer_equates)
    gold = right_side(gold);
  if (is_relation(gold) && is_set(answer))
    if (Expr set = solution_set(gold)) gold = set;
  if (settings.relation_as_set && is_relation(answer) && is_set(gold))
    if (Expr set = solution_set(answer)) answer = set;

  if (same_form(gold, answer)) return true;
  if (is_relation(gold) && is_relation(answer)) return equal_relations(gold, answer, settings);
  const auto collects = [](const Expr& each) { return is_set(each) || each->kind == Kind::tuple; };
  if (collects(gold) || collects(answer)) return equal_sets(gold, answer, settings);
  if (is_relation(gold) || is_relation(answer)) return false;
  if ((gold->kind == Kind::symbol || answer->kind == Kind::symbol) && equal_names(gold, answer)) return true;
  return equal_values(gold, answer, settings);
}

}  // namespace muster::reward::math
