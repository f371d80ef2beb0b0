#include <algorithm>

#include "runtime/reward/math/equal.h"
#include "runtime/reward/math/evaluate.h"

namespace muster::reward::math {
namespace {

// Inside a set nothing is renamed and no relation becomes a set.
EqualSettings inside(EqualSettings settings) {
  settings.strict = true;
  settings.relation_as_set = false;
  return settings;
}

bool equal_in_order(const std::vector<Expr>& gold, const std::vector<Expr>& answer, const EqualSettings& settings) {
  return gold.size() == answer.size() &&
         std::equal(gold.begin(), gold.end(), answer.begin(),
                    [&](const Expr& a, const Expr& b) { return equal(a, b, settings); });
}

bool equal_in_any_order(const std::vector<Expr>& gold, const std::vector<Expr>& answer, const EqualSettings& settings) {
  if (gold.size() != answer.size()) return false;
  std::vector<Expr> left(answer);
  for (const Expr& each : gold) {
    const auto found = std::find_if(left.begin(), left.end(), [&](const Expr& b) { return equal(each, b, settings); });
    if (found == left.end()) return false;
    left.erase(found);
  }
  return true;
}

bool is_open(const Expr& expr) { return expr->kind == Kind::interval && expr->left_open && expr->right_open; }

}  // namespace

bool equal_sets(const Expr& gold, const Expr& answer, const EqualSettings& given) {
  const EqualSettings settings = inside(given);
  if (gold->kind == Kind::interval && answer->kind == Kind::interval)
    return gold->left_open == answer->left_open && gold->right_open == answer->right_open &&
           equal_in_order(gold->args, answer->args, settings);
  if (is_set(gold) && is_set(answer) && same_real_set(gold, answer)) return true;
  // {1, 2} is neither the pair nor the interval (1, 2); 1, 2 may be either.
  const auto has_braces = [](const Expr& expr) { return expr->kind == Kind::finite_set && expr->name != kListName; };
  const auto has_parens = [](const Expr& expr) { return expr->kind == Kind::tuple || is_open(expr); };
  if ((has_braces(gold) && has_parens(answer)) || (has_parens(gold) && has_braces(answer))) return false;
  // (1, 2) may be a pair.
  const auto elements = [](const Expr& expr) -> std::optional<std::vector<Expr>> {
    if (expr->kind == Kind::finite_set || expr->kind == Kind::tuple || is_open(expr)) return expr->args;
    if (is_set(expr)) return std::nullopt;
    return std::vector<Expr>{expr};
  };
  const auto a = elements(gold), b = elements(answer);
  if (!a || !b) return false;
  // A gold set has no order; a gold pair has, also against an answer that wrote braces.
  const bool is_gold_set = gold->kind == Kind::finite_set && !is_open(answer);
  return is_gold_set ? equal_in_any_order(*a, *b, settings) : equal_in_order(*a, *b, settings);
}

}  // namespace muster::reward::math
