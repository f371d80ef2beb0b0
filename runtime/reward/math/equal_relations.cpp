#include <algorithm>

#include "runtime/reward/math/build.h"
#include "runtime/reward/math/equal.h"
#include "runtime/reward/math/evaluate.h"
#include "runtime/reward/math/polynomial.h"

namespace muster::reward::math {
namespace {

std::string turned(const std::string& sign) {
  if (sign == "<") return ">";
  if (sign == ">") return "<";
  if (sign == "<=") return ">=";
  if (sign == ">=") return "<=";
  return sign;
}

bool has_values(const Expr& relation) { return is_scalar(relation->args[0]) && is_scalar(relation->args[1]); }

// Two equations say the same when their sides differ by a constant factor, or when they have the same solutions. Where
// the gold answer is x = 8, 8x = 64 still has to be solved.
bool equal_equations(const Expr& gold, const Expr& answer, bool gold_is_solved, const EqualSettings& settings) {
  const auto names = symbols_of(gold);
  if (names.empty() || names != symbols_of(answer)) return false;
  if (names.size() == 1 && gold_is_solved) return false;
  if (names.size() == 1)
    if (const auto same = same_zeros(gold, answer, names[0])) return *same;
  // gold(p) answer(q) = gold(q) answer(p), for two points p and q: p has the names as they are, q other ones.
  std::vector<std::string> others;
  for (const std::string& name : names) others.push_back(name + "'");
  return equal_values(product_of(gold, renamed(answer, names, others)),
                      product_of(renamed(gold, names, others), answer), settings) &&
         !equal_values(gold, make_number(Rational()), settings) &&
         !equal_values(answer, make_number(Rational()), settings);
}

Expr at_value(const Expr& expr, const std::string& variable, const Expr& value) {
  if (expr->kind == Kind::symbol && expr->name == variable) return value;
  auto node = std::make_shared<Node>(*expr);
  for (Expr& arg : node->args) arg = at_value(arg, variable, value);
  return node;
}

bool satisfied(const Expr& relation, const std::string& variable, const Expr& value) {
  if (relation->kind == Kind::chain)
    return std::all_of(relation->args.begin(), relation->args.end(),
                       [&](const Expr& link) { return satisfied(link, variable, value); });
  const auto order =
      compared(at_value(relation->args[0], variable, value), at_value(relation->args[1], variable, value));
  if (!order) return false;
  const std::string& sign = relation->name;
  if (sign == "=") return *order == 0;
  if (sign == "!=") return *order != 0;
  if (sign == "<") return *order < 0;
  if (sign == "<=") return *order <= 0;
  return sign == ">" ? *order > 0 : *order >= 0;
}

// The expression with each |a| as a and as -a.
std::vector<Expr> without_abs(const Expr& expr) {
  constexpr std::size_t kMost = 16;
  std::vector<Expr> all = {expr};
  for (std::size_t i = 0; i < expr->args.size(); ++i) {
    std::vector<Expr> next;
    for (const Expr& each : all)
      for (const Expr& arg : without_abs(expr->args[i])) {
        auto node = std::make_shared<Node>(*each);
        node->args[i] = arg;
        next.push_back(std::move(node));
      }
    all = std::move(next);
    if (all.size() > kMost) return {expr};
  }
  if (expr->kind != Kind::call || expr->name != "abs") return all;
  std::vector<Expr> both;
  for (const Expr& each : all) {
    both.push_back(each->args[0]);
    both.push_back(negated(each->args[0]));
  }
  return both;
}

// Where the truth of the relation can change. A side that is linear may have any constants in it.
bool collect_changes(const Expr& relation, const std::string& variable, std::vector<Expr>& changes) {
  if (relation->kind == Kind::chain)
    return std::all_of(relation->args.begin(), relation->args.end(),
                       [&](const Expr& link) { return collect_changes(link, variable, changes); });
  if (!has_values(relation)) return false;
  for (const Expr& side : relation->args)
    if (side->kind == Kind::infinity) return true;
  const Expr difference = difference_of(relation->args[0], relation->args[1]);
  bool solved = true;
  for (const Expr& branch : without_abs(difference)) {
    const auto points = critical_points(branch, variable);
    solved = solved && points;
    if (points)
      for (const Rational& point : *points) changes.push_back(make_number(point));
  }
  if (solved) return true;
  const auto at = [&](long x) { return at_value(difference, variable, make_number(Rational(x, 1))); };
  const Expr slope = difference_of(at(1), at(0));
  const auto straight = compared(difference_of(at(2), at(1)), slope), level = compared(slope, make_number(Rational()));
  if (straight != 0 || level.value_or(0) == 0) return false;
  changes.push_back(quotient_of(negated(at(0)), slope));
  return true;
}

}  // namespace

bool equal_relations(const Expr& gold, const Expr& answer, const EqualSettings& settings) {
  if (gold->kind == Kind::chain || answer->kind == Kind::chain)
    return gold->kind == answer->kind && gold->args.size() == answer->args.size() &&
           std::equal(gold->args.begin(), gold->args.end(), answer->args.begin(),
                      [&](const Expr& a, const Expr& b) { return equal_relations(a, b, settings); });
  if (!has_values(gold) || !has_values(answer))  // x in {1, 2}
    return gold->name == answer->name && equal(gold->args[0], answer->args[0], settings) &&
           equal(gold->args[1], answer->args[1], settings);
  const Expr a = difference_of(gold->args[0], gold->args[1]), b = difference_of(answer->args[0], answer->args[1]);
  if (gold->name == answer->name && equal_values(a, b, settings)) return true;
  if (turned(gold->name) == answer->name && equal_values(a, negated(b), settings)) return true;
  if (gold->name == "=" && answer->name == "=") return equal_equations(a, b, only_symbols(gold->args[0]), settings);
  return false;
}

bool is_solved_inequality(const Expr& expr) {
  if (expr->kind == Kind::chain || expr->kind == Kind::finite_set)
    return std::all_of(expr->args.begin(), expr->args.end(), is_solved_inequality);
  if (expr->kind != Kind::relation || expr->name == "notin" || !has_values(expr)) return false;
  const auto is_alone = [](const Expr& side) {
    return side->kind == Kind::symbol ||
           (side->kind == Kind::call && side->name == "abs" && side->args[0]->kind == Kind::symbol);
  };
  const Expr &left = expr->args[0], &right = expr->args[1];
  return (is_alone(left) && symbols_of(right).empty()) || (is_alone(right) && symbols_of(left).empty());
}

Expr inequality_set(const Expr& expr) {
  const auto is_inequality = [](const Expr& each) {
    return each->kind == Kind::chain || (each->kind == Kind::relation && each->name != "=" && each->name != "notin");
  };
  if (is_inequality(expr)) return solution_set(expr);
  if (expr->kind != Kind::finite_set || symbols_of(expr).size() != 1 ||
      !std::all_of(expr->args.begin(), expr->args.end(), is_inequality))
    return nullptr;
  Expr any, all;
  for (const Expr& each : expr->args) {
    const Expr set = solution_set(each);
    if (!set) return nullptr;
    any = any ? make(Kind::set_union, {any, set}) : set;
    all = all ? make(Kind::intersection, {all, set}) : set;
  }
  return expr->args.size() == 2 && same_real_set(any, make(Kind::named_set, {}, "R")) ? all : any;
}

Expr solution_set(const Expr& relation) {
  const auto names = symbols_of(relation);
  std::vector<Expr> ends;
  if (names.size() != 1 || !collect_changes(relation, names[0], ends)) return nullptr;
  std::sort(ends.begin(), ends.end(), [](const Expr& a, const Expr& b) { return compared(a, b).value_or(0) < 0; });
  const Expr one = make_number(Rational(1, 1)), half = make_number(Rational(1, 2));
  Expr all = make(Kind::named_set, {}, "empty");
  const auto add = [&](const Expr& set, const Expr& inside) {
    if (satisfied(relation, names[0], inside)) all = make(Kind::set_union, {all, set});
  };
  for (std::size_t i = 0; i <= ends.size(); ++i) {
    const Expr low = i == 0 ? make_infinity(-1) : ends[i - 1], high = i == ends.size() ? make_infinity(1) : ends[i];
    Expr inside = ends.empty() ? one : nullptr;
    if (!inside && i == 0) inside = difference_of(ends.front(), one);
    if (!inside && i == ends.size()) inside = sum_of(ends.back(), one);
    if (!inside) inside = product_of(half, sum_of(low, high));
    add(make_interval(low, high, true, true), inside);
    if (i < ends.size()) add(make(Kind::finite_set, {ends[i]}), ends[i]);
  }
  return all;
}

}  // namespace muster::reward::math
