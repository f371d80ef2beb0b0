#include "runtime/reward/math/tree.h"

#include <algorithm>
#include <set>

namespace muster::reward::math {
namespace {

Expr with_value(Kind kind, const Rational& value) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  node->value = value;
  return node;
}

Expr finished(std::shared_ptr<Node> node) {
  for (const Expr& arg : node->args) node->depth = std::max(node->depth, arg->depth + 1);
  if (node->depth > kMaxTreeDepth) throw TooMuch{};
  return node;
}

void collect_symbols(const Expr& expr, std::set<std::string>& names) {
  if (expr->kind == Kind::symbol) names.insert(expr->name);
  for (const Expr& arg : expr->args) collect_symbols(arg, names);
}

}  // namespace

Expr make_number(const Rational& value) { return with_value(Kind::number, value); }
Expr make_decimal(const Rational& value) { return with_value(Kind::decimal, value); }
Expr make_infinity(int sign) { return with_value(Kind::infinity, Rational(sign, 1)); }
Expr make_symbol(const std::string& name) { return make(Kind::symbol, {}, name); }
Expr make_constant(const std::string& name) { return make(Kind::constant, {}, name); }
Expr make_call(const std::string& name, std::vector<Expr> args) { return make(Kind::call, std::move(args), name); }

Expr make(Kind kind, std::vector<Expr> args, const std::string& name) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  node->name = name;
  if (kind == Kind::finite_set) {
    for (Expr& arg : args)
      if (std::none_of(node->args.begin(), node->args.end(), [&](const Expr& had) { return same_form(had, arg); }))
        node->args.push_back(std::move(arg));
  } else {
    node->args = std::move(args);
  }
  return finished(std::move(node));
}

Expr make_interval(const Expr& low, const Expr& high, bool left_open, bool right_open) {
  auto node = std::make_shared<Node>();
  node->kind = Kind::interval;
  node->args = {low, high};
  node->left_open = left_open;
  node->right_open = right_open;
  return finished(std::move(node));
}

Expr make_matrix(std::vector<Expr> cells, std::size_t columns) {
  auto node = std::make_shared<Node>();
  node->kind = Kind::matrix;
  node->args = std::move(cells);
  node->columns = columns;
  return finished(std::move(node));
}

Expr negated(const Expr& expr) {
  if (is_number(expr)) return with_value(expr->kind, -expr->value);
  return make(Kind::multiply, {make_number(Rational(-1, 1)), expr});
}

Expr difference_of(const Expr& a, const Expr& b) { return make(Kind::add, {a, negated(b)}); }

bool same_form(const Expr& a, const Expr& b) {
  if (a == b) return true;
  if (a->kind != b->kind || a->name != b->name || a->args.size() != b->args.size() || a->columns != b->columns ||
      a->left_open != b->left_open || a->right_open != b->right_open || !(a->value == b->value))
    return false;
  if (a->kind == Kind::finite_set)
    return std::is_permutation(a->args.begin(), a->args.end(), b->args.begin(), same_form);
  return std::equal(a->args.begin(), a->args.end(), b->args.begin(), same_form);
}

bool is_number(const Expr& expr) {
  return expr->kind == Kind::number || expr->kind == Kind::decimal || expr->kind == Kind::infinity;
}
bool is_integer(const Expr& expr) { return expr->kind == Kind::number && expr->value.is_integer(); }
bool is_set(const Expr& expr) {
  switch (expr->kind) {
    case Kind::finite_set:
    case Kind::interval:
    case Kind::named_set:
    case Kind::set_union:
    case Kind::intersection:
    case Kind::difference:
      return true;
    default:
      return false;
  }
}
bool is_scalar(const Expr& expr) {
  return !is_set(expr) && expr->kind != Kind::tuple && expr->kind != Kind::matrix && expr->kind != Kind::relation &&
         expr->kind != Kind::chain;
}

bool only_symbols(const Expr& expr) {
  if (expr->kind == Kind::symbol) return true;
  if (expr->kind == Kind::power && expr->args[1]->kind == Kind::number && expr->args[1]->value == Rational(-1, 1))
    return only_symbols(expr->args[0]);
  return !expr->args.empty() && std::all_of(expr->args.begin(), expr->args.end(), only_symbols);
}

std::vector<std::string> symbols_of(const Expr& expr) {
  std::set<std::string> names;
  collect_symbols(expr, names);
  return {names.begin(), names.end()};
}

Expr renamed(const Expr& expr, const std::vector<std::string>& names, const std::vector<std::string>& to) {
  auto node = std::make_shared<Node>(*expr);
  if (expr->kind == Kind::symbol) {
    const auto found = std::find(names.begin(), names.end(), expr->name);
    if (found != names.end()) node->name = to[found - names.begin()];
  }
  for (Expr& arg : node->args) arg = renamed(arg, names, to);
  return node;
}

std::string text_of(const Expr& expr) {
  std::string out = std::to_string(static_cast<int>(expr->kind)) + expr->name;
  if (is_number(expr)) out += expr->value.text();
  if (expr->kind == Kind::interval)
    out += expr->left_open ? (expr->right_open ? "()" : "(]") : (expr->right_open ? "[)" : "[]");
  if (expr->args.empty()) return out;
  out += '<';
  for (const Expr& arg : expr->args) out += text_of(arg) + ' ';
  return out + '>';
}

}  // namespace muster::reward::math
