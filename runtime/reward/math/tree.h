// The tree of a mathematical answer: numbers, expressions, relations, sets, tuples, intervals, matrices. Nodes are
// shared and never change.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/reward/math/rational.h"

namespace muster::reward::math {

enum class Kind {
  number,      // exact
  decimal,     // written with a point: compared after rounding
  infinity,    // value is 1 or -1
  symbol,      // name
  constant,    // name: pi, e, i, gamma (Euler's)
  add,         // args
  multiply,    // args
  power,       // base, exponent
  call,        // name: a known function (sin, log, sqrt is a power, ...) or one of the answer's own; args
  percent,     // arg hundredths
  matrix,      // args row by row, `columns`
  relation,    // name: = < <= > >= !=; left, right
  chain,       // relations that hold together: a < b < c
  finite_set,  // args in the order written, equal ones once; name: kListName without braces around
  tuple,       // args
  interval,    // low, high; left_open, right_open
  named_set,   // name: N, Z, Q, R, C, empty
  set_union,   // two args, as below
  intersection,
  difference,
};

struct Node;
using Expr = std::shared_ptr<const Node>;

struct Node {
  Kind kind = Kind::number;
  std::string name;
  Rational value;
  std::vector<Expr> args;
  std::size_t columns = 0;
  bool left_open = false, right_open = false;
  int depth = 1;
};

/// Nested too deeply, or too many parts: thrown by what makes nodes, caught by who reads an answer.
struct TooMuch {};
constexpr int kMaxTreeDepth = 300;
/// 1, 2 may be a set, a pair or an interval without its brackets; {1, 2} is a set.
constexpr const char* kListName = "list";

Expr make_number(const Rational& value);
Expr make_decimal(const Rational& value);
Expr make_infinity(int sign);
Expr make_symbol(const std::string& name);
Expr make_constant(const std::string& name);
/// throws: TooMuch.
Expr make(Kind kind, std::vector<Expr> args, const std::string& name = "");
Expr make_call(const std::string& name, std::vector<Expr> args);
Expr make_interval(const Expr& low, const Expr& high, bool left_open, bool right_open);
Expr make_matrix(std::vector<Expr> cells, std::size_t columns);
/// Numbers change their value; anything else is multiplied by -1.
Expr negated(const Expr& expr);
/// a - b.
Expr difference_of(const Expr& a, const Expr& b);

/// The same form, not only the same value. Order counts but in finite sets.
bool same_form(const Expr& a, const Expr& b);
bool is_number(const Expr& expr);   // number, decimal or infinity
bool is_integer(const Expr& expr);  // an exact one
bool is_set(const Expr& expr);      // a set of any kind (a tuple is none)
bool is_scalar(const Expr& expr);   // neither matrix, relation, set nor tuple
/// Made of symbols alone: x, f(x), 1/a.
bool only_symbols(const Expr& expr);
/// Names of all symbols, sorted, each once.
std::vector<std::string> symbols_of(const Expr& expr);
/// The tree with symbols renamed: names[i] becomes to[i].
Expr renamed(const Expr& expr, const std::vector<std::string>& names, const std::vector<std::string>& to);
/// A text that is the same for same forms.
std::string text_of(const Expr& expr);

}  // namespace muster::reward::math
