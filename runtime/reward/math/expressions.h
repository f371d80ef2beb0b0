// The part of the grammar (parser.h) below relations: sums, products, functions, names, numbers, matrices.
#pragma once

#include <string>
#include <vector>

#include "runtime/reward/math/token_reader.h"

namespace muster::reward::math {

class Expressions : protected TokenReader {
 protected:
  explicit Expressions(std::vector<Lexeme> lexemes) : TokenReader(std::move(lexemes)) {}

  Expr relation();
  Expr expr();
  /// A name with its scripts.
  Expr name();

 private:
  /// What stands below and above a function's name.
  struct Scripts {
    Expr base, power;
    std::string text;
  };

  // Without `functions` only the first factor of a run may be one: the argument of \sin ends before \cos.
  Expr term(bool functions);
  Expr unary(bool functions);
  Expr factor(bool functions);
  // Behind ^: an atom or {expr}.
  Expr script();
  // Behind a name: _1, _{10}, _{i,j}; its text goes to `name`.
  bool subscript(std::string& name);
  Expr base(bool functions);
  Expr group();
  // |x|, floors, ceilings
  Expr fenced();

  Expr function();
  bool scripts(Scripts& out);
  Expr argument();
  Expr one_argument(const std::string& name);
  Expr many_arguments(const std::string& name);
  Expr operator_name();
  Expr root();
  Expr euler_power();
  // \sum_{k=1}^{n} term
  Expr big_operator(const std::string& name);
  // f(x), f(1, 2), f^{-1}(x): one atom, or arguments with a comma.
  Expr applied_name();

  Expr atom();
  Expr fraction();
  Expr binomial();
  Expr matrix();
};

}  // namespace muster::reward::math
