// A parsed template: statements and expressions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/chat/value.h"

namespace muster::chat {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

enum class ExpressionKind {
  constant,   // value
  name,       // text
  list,       // parts
  tuple,      // parts
  dict,       // parts: key, value, key, value ...
  attribute,  // parts[0].text
  item,       // parts[0][parts[1]]
  slice,      // parts[0][parts[1] : parts[2] : parts[3]], each of them may be null
  call,       // parts[0](parts[1] ..., named)
  filter,     // parts[0] | text(parts[1] ..., named); parts[0] is null in a block that is filtered
  test,       // parts[0] is text(parts[1] ...)
  negative,   // -parts[0]
  positive,   // +parts[0]
  negation,   // not parts[0]
  both,       // and
  either,     // or
  choice,     // parts[1] if parts[0] else parts[2], which may be null
  compare,    // parts[0] operators[0] parts[1] operators[1] parts[2] ...
  concat,     // ~
  arithmetic  // parts[0] text parts[1]
};

struct Expression {
  ExpressionKind kind;
  int line;
  std::string text;
  Value value;
  std::vector<ExpressionPtr> parts;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  std::vector<std::string> operators;
  int depth = 1;
};

struct Statement;
using Body = std::vector<Statement>;

enum class StatementKind {
  data,          // text
  print,         // expressions
  branch,        // expressions[i] decides over bodies[i]; one more body is the else
  loop,          // for targets in expressions[0] [if expressions[1]]; bodies[0], else bodies[1]
  assign,        // targets = expressions[0]
  capture,       // targets = what bodies[0] prints, through expressions[0] if it is there
  macro,         // text(parameters); bodies[0]
  call_block,    // expressions[0] is the call; parameters and bodies[0] are the caller
  filter_block,  // expressions[0] over bodies[0]
  with,          // targets[i] = expressions[i] within bodies[0]
  scope,         // bodies[0] with names of its own (generation)
  stop,          // break
  next           // continue
};

/// What is assigned to: a name, an attribute of a namespace, or several of them.
struct Target {
  int line;
  std::string name, attribute;
  std::vector<Target> parts;  // not empty: a tuple
};

struct Parameter {
  std::string name;
  ExpressionPtr otherwise;  // may be null
};

struct Statement {
  StatementKind kind;
  int line;
  std::string text;
  std::vector<ExpressionPtr> expressions;
  std::vector<Body> bodies;
  std::vector<Target> targets;
  std::vector<Parameter> parameters;
  bool is_recursive = false;  // of a loop
};

}  // namespace muster::chat
