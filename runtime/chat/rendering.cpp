#include "runtime/chat/rendering.h"

#include <utility>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/chat/filters.h"
#include "runtime/chat/lexer.h"
#include "runtime/chat/python_text.h"

namespace muster::chat {
namespace {

[[noreturn]] void fail(const std::string& what) { throw Error::user({.what = what}); }

void set(Scope& scope, const std::string& name, Value value) {
  for (auto& [known, old] : scope.names)
    if (known == name) {
      old = std::move(value);
      return;
    }
  scope.names.emplace_back(name, std::move(value));
}

}  // namespace

std::string Rendering::run(const Body& body, std::vector<std::pair<std::string, Value>> variables) {
  std::string out;
  out_ = &out;
  Scope& given = scopes_.emplace_back(Scope{nullptr, std::move(variables)});
  run(body, new_scope(given));
  return out;
}

Scope& Rendering::new_scope(const Scope& parent) {
  budget_.bytes(sizeof(Scope));
  return scopes_.emplace_back(Scope{&parent, {}});
}

void Rendering::print(const std::string& text) {
  budget_.bytes(std::ssize(text));
  if (static_cast<std::int64_t>(out_->size() + text.size()) > Budget::kOutputBytes)
    fail(base::text("the template prints more than ", base::bytes_text(Budget::kOutputBytes)));
  *out_ += text;
}

std::string Rendering::captured(const Body& body, Scope& scope) {
  std::string text;
  std::string* const outer = std::exchange(out_, &text);
  run(body, scope);
  out_ = outer;
  return text;
}

void Rendering::go_deeper() {
  budget_.steps();
  if (++depth_ > Budget::kDepth)
    fail(base::text("blocks, calls and expressions within another are deeper than ", Budget::kDepth));
}

Rendering::Flow Rendering::run(const Body& body, Scope& scope) {
  for (const Statement& statement : body) {
    Flow flow = Flow::on;
    try {
      go_deeper();
      flow = run(statement, scope);
      --depth_;
    } catch (const Error& error) {
      if (!error.faults()[0].where.empty()) throw;
      fail_at(where_, statement.line, error.faults()[0].what);
    }
    if (flow != Flow::on) return flow;
  }
  return Flow::on;
}

Rendering::Flow Rendering::run(const Statement& statement, Scope& scope) {
  switch (statement.kind) {
    case StatementKind::data:
      print(statement.text);
      break;
    case StatementKind::print:
      for (const ExpressionPtr& expression : statement.expressions) print(text_of(eval(*expression, scope), budget_));
      break;
    case StatementKind::branch:
      return run_branch(statement, scope);
    case StatementKind::loop:
      return run_loop(statement, scope);
    case StatementKind::assign:
      assign(statement.targets[0], eval(*statement.expressions[0], scope), scope);
      break;
    case StatementKind::capture: {
      Value text = Value::text(captured(statement.bodies[0], new_scope(scope)), budget_);
      if (!statement.expressions.empty()) text = filtered_block(*statement.expressions[0], text, scope);
      assign(statement.targets[0], text, scope);
      break;
    }
    case StatementKind::macro:
      set(scope, statement.text,
          Value::Content(static_cast<const Macro*>(&macros_.emplace_back(Macro{&statement, &scope, statement.text}))));
      break;
    case StatementKind::call_block:
      run_call_block(statement, scope);
      break;
    case StatementKind::filter_block: {
      const Value text = Value::text(captured(statement.bodies[0], new_scope(scope)), budget_);
      print(text_of(filtered_block(*statement.expressions[0], text, scope), budget_));
      break;
    }
    case StatementKind::with:
      run_with(statement, scope);
      break;
    case StatementKind::scope:
      print(captured(statement.bodies[0], new_scope(scope)));
      break;
    case StatementKind::stop:
      return Flow::stop;
    case StatementKind::next:
      return Flow::next;
  }
  return Flow::on;
}

Rendering::Flow Rendering::run_branch(const Statement& statement, Scope& scope) {
  for (std::size_t i = 0; i < statement.bodies.size(); ++i)
    if (i >= statement.expressions.size() || eval(*statement.expressions[i], scope).truth())
      return run(statement.bodies[i], scope);
  return Flow::on;
}

Rendering::Flow Rendering::run_loop(const Statement& statement, Scope& scope) {
  const Value over = eval(*statement.expressions[0], scope);
  run_turns(statement, over, scope, 1);
  return Flow::on;
}

// What the loop goes over, without the items that its condition leaves out.
List Rendering::loop_items(const Statement& statement, const Value& over, Scope& scope) {
  List items = items_of(over, budget_);
  if (statement.expressions.size() < 2) return items;
  List taken;
  Scope& own = new_scope(scope);
  for (Value& item : items) {
    assign(statement.targets[0], item, own);
    if (eval(*statement.expressions[1], own).truth()) taken.push_back(std::move(item));
  }
  return taken;
}

Rendering::Flow Rendering::run_turns(const Statement& statement, const Value& over, Scope& scope, std::int64_t depth) {
  budget_.bytes(sizeof(LoopState));
  LoopState& loop = loops_.emplace_back();
  loop.items = loop_items(statement, over, scope);
  loop.depth = depth;
  if (statement.is_recursive) loop.again = &recursive_loops_.emplace_back(RecursiveLoop{&statement, &scope});
  for (; loop.index < loop.items.size(); ++loop.index) {
    const std::size_t scopes = scopes_.size(), macros = macros_.size(), loops = recursive_loops_.size();
    Scope& own = new_scope(scope);
    set(own, "loop", Value::Content(&loop));
    assign(statement.targets[0], loop.items[loop.index], own);
    const Flow flow = run(statement.bodies[0], own);
    // Nothing can point to the names of this turn any more, unless a macro was defined or a loop may run again.
    if (macros == macros_.size() && loops == recursive_loops_.size())
      while (scopes_.size() > scopes) scopes_.pop_back();
    if (flow == Flow::stop) break;
  }
  if (loop.items.empty() && statement.bodies.size() > 1) return run(statement.bodies[1], new_scope(scope));
  return Flow::on;
}

void Rendering::run_with(const Statement& statement, Scope& scope) {
  Scope& own = new_scope(scope);
  for (std::size_t i = 0; i < statement.targets.size(); ++i)
    assign(statement.targets[i], eval(*statement.expressions[i], scope), own);
  run(statement.bodies[0], own);
}

void Rendering::run_call_block(const Statement& statement, Scope& scope) {
  const Macro& caller = macros_.emplace_back(Macro{&statement, &scope, "caller"});
  print(text_of(eval_call(*statement.expressions[0], scope, &caller), budget_));
}

void Rendering::assign(const Target& target, const Value& value, Scope& scope) {
  budget_.steps();
  if (!target.parts.empty()) {
    const List items = items_of(value, budget_);
    if (items.size() != target.parts.size())
      fail(base::text(items.size(), " values cannot be assigned to ", target.parts.size(), " names"));
    for (std::size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i], scope);
    return;
  }
  if (target.attribute.empty()) {
    budget_.bytes(static_cast<std::int64_t>(sizeof(Value) + target.name.size()));
    return set(scope, target.name, value);
  }
  const Value space = name(target.name, scope);
  const auto* found = space.as<Namespace*>();
  if (!found) fail("'" + target.name + "' is no namespace: attributes are set on a namespace only");
  if (target.attribute.starts_with('_')) fail("an attribute of a namespace does not begin with _");
  budget_.bytes(static_cast<std::int64_t>(sizeof(Value) + target.attribute.size()));
  for (auto& [known, old] : (*found)->attributes)
    if (known == target.attribute) {
      old = value;
      return;
    }
  (*found)->attributes.emplace_back(target.attribute, value);
}

}  // namespace muster::chat
