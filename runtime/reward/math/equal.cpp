#include "runtime/reward/math/equal.h"

#include <algorithm>
#include <map>
#include <optional>

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

// A set of numbers that is no list of inequalities.
bool is_real_set(const Expr& expr) {
  return is_set(expr) && !(expr->kind == Kind::finite_set && !expr->args.empty() &&
                           std::all_of(expr->args.begin(), expr->args.end(), is_relation));
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

// x = 1, y = 2 and (x, y) = (1, 2), by name. Empty when it is anything else, or one name alone.
std::map<std::string, Expr> assignments_of(const Expr& expr) {
  std::map<std::string, Expr> out;
  const auto add = [&](const Expr& name, const Expr& value) {
    return name->kind == Kind::symbol && is_scalar(value) && out.emplace(name->name, value).second;
  };
  bool good = true;
  if (expr->kind == Kind::finite_set) {
    for (const Expr& each : expr->args)
      good = good && each->kind == Kind::relation && each->name == "=" && add(each->args[0], each->args[1]);
  } else if (expr->kind == Kind::relation && expr->name == "=" && expr->args[0]->kind == Kind::tuple) {
    const Expr &names = expr->args[0], &values = expr->args[1];
    const bool is_row = values->kind == Kind::tuple || values->kind == Kind::interval;
    good = is_row && names->args.size() == values->args.size();
    for (std::size_t i = 0; good && i < names->args.size(); ++i) good = add(names->args[i], values->args[i]);
  }
  return good && out.size() > 1 ? out : std::map<std::string, Expr>();
}

bool equal_assignments(const std::map<std::string, Expr>& gold, const std::map<std::string, Expr>& answer,
                       const EqualSettings& settings) {
  return std::equal(gold.begin(), gold.end(), answer.begin(), answer.end(), [&](const auto& a, const auto& b) {
    return a.first == b.first && equal_values(a.second, b.second, settings);
  });
}

// Inequalities against sets of numbers, or against other inequalities. None where neither side is one.
std::optional<bool> equal_inequalities(const Expr& gold, const Expr& answer, const EqualSettings& settings) {
  const Expr wanted = is_real_set(gold) ? gold : inequality_set(gold);
  if (!wanted) return std::nullopt;
  if (is_real_set(answer)) return is_real_set(gold) ? std::nullopt : std::optional(same_real_set(wanted, answer));
  if (!settings.relation_as_set || !is_solved_inequality(answer)) return std::nullopt;
  if (!is_real_set(gold) && symbols_of(gold) != symbols_of(answer)) return std::nullopt;
  const Expr given = inequality_set(answer);
  return given ? std::optional(same_real_set(wanted, given)) : std::nullopt;
}

}  // namespace

bool equal(Expr gold, Expr answer, const EqualSettings& settings) {
  if (!settings.strict) answer = with_names_of(gold, answer);
  if (const auto wanted = assignments_of(gold), given = assignments_of(answer); !wanted.empty() && !given.empty())
    return equal_assignments(wanted, given, settings);
  const bool gold_assigns = is_assignment(gold), answer_equates = is_equation(answer);
  // Of a = b = c only the ends count.
  for (Expr* each : {&gold, &answer})
    if (is_assignment(*each)) *each = make(Kind::relation, {first_link(*each)->args[0], right_side(*each)}, "=");
  if (answer_equates && !is_equation(gold))
    answer = right_side(answer);
  else if (gold_assigns && !answer_equates)
    gold = right_side(gold);
  if (same_form(gold, answer)) return true;
  if (equal_inequalities(gold, answer, settings).value_or(false)) return true;
  if (is_relation(gold) && is_relation(answer)) return equal_relations(gold, answer, settings);
  const auto collects = [](const Expr& each) { return is_set(each) || each->kind == Kind::tuple; };
  if (collects(gold) || collects(answer)) return equal_sets(gold, answer, settings);
  if (is_relation(gold) || is_relation(answer)) return false;
  if ((gold->kind == Kind::symbol || answer->kind == Kind::symbol) && equal_names(gold, answer)) return true;
  return equal_values(gold, answer, settings);
}

}  // namespace muster::reward::math
