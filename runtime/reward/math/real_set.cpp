// Sets of real numbers: two are one when they hold the same of all end points and of a number between each two.
#include <algorithm>

#include "runtime/reward/math/build.h"
#include "runtime/reward/math/equal.h"
#include "runtime/reward/math/evaluate.h"

namespace muster::reward::math {
namespace {

constexpr std::size_t kMaxEnds = 200;

// False when the set is of another kind.
bool collect_ends(const Expr& set, std::vector<Expr>& ends) {
  switch (set->kind) {
    case Kind::named_set:
      return set->name == "R" || set->name == "empty";
    case Kind::finite_set:
    case Kind::interval:
      for (const Expr& end : set->args)
        if (end->kind == Kind::infinity) {
          if (set->kind == Kind::finite_set) return false;
        } else if (!is_scalar(end) || !approximate(end)) {
          return false;
        } else {
          ends.push_back(end);
        }
      return ends.size() <= kMaxEnds;
    case Kind::set_union:
    case Kind::intersection:
    case Kind::difference:
      return collect_ends(set->args[0], ends) && collect_ends(set->args[1], ends);
    default:
      return false;
  }
}

bool holds(const Expr& set, const Expr& x) {
  switch (set->kind) {
    case Kind::named_set:
      return set->name == "R";
    case Kind::finite_set:
      return std::any_of(set->args.begin(), set->args.end(), [&](const Expr& each) { return compared(each, x) == 0; });
    case Kind::interval: {
      const int low = compared(x, set->args[0]).value_or(-1), high = compared(set->args[1], x).value_or(-1);
      return (set->left_open ? low > 0 : low >= 0) && (set->right_open ? high > 0 : high >= 0);
    }
    case Kind::set_union:
      return holds(set->args[0], x) || holds(set->args[1], x);
    case Kind::intersection:
      return holds(set->args[0], x) && holds(set->args[1], x);
    case Kind::difference:
      return holds(set->args[0], x) && !holds(set->args[1], x);
    default:
      return false;
  }
}

}  // namespace

bool same_real_set(const Expr& a, const Expr& b) {
  std::vector<Expr> ends;
  if (!collect_ends(a, ends) || !collect_ends(b, ends)) return false;
  std::sort(ends.begin(), ends.end(), [](const Expr& x, const Expr& y) { return compared(x, y).value_or(0) < 0; });
  ends.erase(std::unique(ends.begin(), ends.end(), [](const Expr& x, const Expr& y) { return compared(x, y) == 0; }),
             ends.end());
  std::vector<Expr> probes = ends;
  const Expr one = make_number(Rational(1, 1)), half = make_number(Rational(1, 2));
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) probes.push_back(product_of(half, sum_of(ends[i], ends[i + 1])));
  probes.push_back(ends.empty() ? one : difference_of(ends.front(), one));
  probes.push_back(ends.empty() ? one : sum_of(ends.back(), one));
  return std::all_of(probes.begin(), probes.end(), [&](const Expr& x) { return holds(a, x) == holds(b, x); });
}

}  // namespace muster::reward::math
