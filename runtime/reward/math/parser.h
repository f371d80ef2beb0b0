// A cleaned LaTeX answer -> its tree. The grammar, loosest first:
//
//   answer     name(s) (= | in) elements | elements | name(s) (in | =) sets | sets
//   elements   element {, or ; element}               several make a set
//   element    expr +- expr | set atom | relation
//   sets       set atoms joined by \setminus, \cup, \cap, tightest last
//   set atom   [a, b) | N, Z, ... | (a, b, c) | {a, b, c}
//   relation   expr {< or = or ... expr}              several make a chain
//   expr       term {+ term};  term: unary {* unary};  unary: {-} factors side by side
//   factor     base {^ power} {! or degree sign}
//   base       group | |expr| | function | name | number | fraction | binomial | matrix
//
// Two rules of Math-Verify that surprise: an integer beside a positive rational is a mixed number (2 1/3), and a name
// before one bracketed atom is a function: f(x).
#pragma once

#include <string_view>

#include "runtime/reward/math/tree.h"

namespace muster::reward::math {

/// Null when the text is not in the grammar, nested too deeply or too long.
Expr parse_latex(std::string_view latex);

constexpr std::size_t kMaxLatexBytes = 20'000;

}  // namespace muster::reward::math
