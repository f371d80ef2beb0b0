// Do two answers say the same? The gold answer decides the form: x = 5 meets 5, but 2x = 10 does not.
#pragma once

#include "runtime/reward/math/tree.h"

namespace muster::reward::math {

struct EqualSettings {
  int decimals = 6;              // to which numbers written with a point are rounded
  bool strict = true;            // names count; otherwise they are matched by their order
  bool relation_as_set = false;  // 1 < x < 2, solved, as an answer meets the gold (1, 2) and 1 < x, x < 2; the other
                                 // way round always does
  bool percent = true;           // 50% meets 50, not only 0.5
};

bool equal(Expr gold, Expr answer, const EqualSettings& settings);

/// Expressions and matrices.
bool equal_values(const Expr& gold, const Expr& answer, const EqualSettings& settings);
/// Sets, tuples and intervals; a single value is a set of one.
bool equal_sets(const Expr& gold, const Expr& answer, const EqualSettings& settings);
/// Equations, inequalities and chains of them.
bool equal_relations(const Expr& gold, const Expr& answer, const EqualSettings& settings);

/// The numbers that satisfy a relation (or a chain) in one variable; null when they cannot be found.
Expr solution_set(const Expr& relation);
/// The numbers that satisfy inequalities in one variable: one relation, a chain, or a list of them, which means any of
/// them, or both where any number satisfies one of the two. Null when there is none among them, or nothing is found.
Expr inequality_set(const Expr& expr);
/// Whether inequalities have the variable alone on one side (or its absolute value) and a constant on the other.
bool is_solved_inequality(const Expr& expr);
/// Whether two sets made of intervals, finite sets of real numbers and R are one. False when they are of another kind.
bool same_real_set(const Expr& a, const Expr& b);

}  // namespace muster::reward::math
