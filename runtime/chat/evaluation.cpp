// Expressions of a Rendering.
#include <ctime>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/chat/arithmetic.h"
#include "runtime/chat/filters.h"
#include "runtime/chat/lexer.h"
#include "runtime/chat/methods.h"
#include "runtime/chat/python_text.h"
#include "runtime/chat/rendering.h"
#include "runtime/chat/tests.h"

namespace muster::chat {
namespace {

constexpr const char* kFunctions[] = {"dict", "namespace", "raise_exception", "range", "strftime_now"};
constexpr std::int64_t kLongestRange = 100'000;  // as Jinja's sandbox has it

[[noreturn]] void fail(const std::string& what) { throw Error::user({.what = what}); }
Value truth(bool value) { return Value::Content(value); }

// The dict that dict() and namespace() may be given before names; null when there is none.
const Entries* leading_dict(const Arguments& arguments) {
  if (arguments.positional.empty()) return nullptr;
  const Entries* entries = arguments.positional[0].as_dict();
  if (!entries || arguments.positional.size() > 1) fail("only one dict, and names, are taken here");
  return entries;
}

}  // namespace

Value Rendering::eval(const Expression& node, const Scope& scope) {
  try {
    go_deeper();
    Value value = eval_here(node, scope);
    --depth_;
    return value;
  } catch (const Error& error) {
    if (!error.faults()[0].where.empty()) throw;
    fail_at(where_, node.line, error.faults()[0].what);
  }
}

Value Rendering::eval_here(const Expression& node, const Scope& scope) {
  const auto part = [&](std::size_t index) { return eval(*node.parts[index], scope); };
  const auto parts = [&] {
    List items;
    for (const ExpressionPtr& each : node.parts) items.push_back(eval(*each, scope));
    return items;
  };
  switch (node.kind) {
    case ExpressionKind::constant:
      return node.value;
    case ExpressionKind::name:
      return name(node.text, scope);
    case ExpressionKind::list:
      return Value::list(parts(), budget_);
    case ExpressionKind::tuple:
      return Value::list(parts(), budget_, SequenceKind::tuple);
    case ExpressionKind::dict:
      return eval_dict(node, scope);
    case ExpressionKind::attribute:
      return attribute_of(part(0), node.text, budget_);
    case ExpressionKind::item: {
      const Value value = part(0);
      return item_of(value, part(1), budget_);
    }
    case ExpressionKind::slice:
      return eval_slice(node, scope);
    case ExpressionKind::call:
      return eval_call(node, scope);
    case ExpressionKind::filter: {
      const Value input = part(0);
      return filtered(node.text, input, arguments(node, scope), budget_);
    }
    case ExpressionKind::test: {
      const Value value = part(0);
      return truth(passes(node.text, value, arguments(node, scope), budget_));
    }
    case ExpressionKind::negative:
      return negative(part(0));
    case ExpressionKind::positive:
      return arithmetic("+", Value(Value::Content(std::int64_t{0})), part(0), budget_);
    case ExpressionKind::negation:
      return truth(!part(0).truth());
    case ExpressionKind::both: {
      Value left = part(0);
      return left.truth() ? part(1) : left;
    }
    case ExpressionKind::either: {
      Value left = part(0);
      return left.truth() ? left : part(1);
    }
    case ExpressionKind::choice:
      if (part(0).truth()) return part(1);
      return node.parts[2] ? part(2) : Value::undefined("the condition is false and there is no else");
    case ExpressionKind::compare:
      return eval_compare(node, scope);
    case ExpressionKind::concat:
      return eval_concat(node, scope);
    case ExpressionKind::arithmetic: {
      const Value left = part(0);
      return arithmetic(node.text, left, part(1), budget_);
    }
  }
  fail("an expression of no kind");
}

Value Rendering::eval_dict(const Expression& node, const Scope& scope) {
  Entries entries;
  for (std::size_t i = 0; i < node.parts.size(); i += 2) {
    const Value key = eval(*node.parts[i], scope);
    if (key.as_dict() || (key.as_list() && key.as<Sequence>()->kind != SequenceKind::tuple))
      fail(base::text(key.type_name(), " cannot be a key"));
    put(entries, key, eval(*node.parts[i + 1], scope), budget_);
  }
  return Value::dict(std::move(entries), budget_);
}

Value Rendering::eval_slice(const Expression& node, const Scope& scope) {
  const Value value = eval(*node.parts[0], scope);
  Value bounds[3];
  for (std::size_t i = 0; i < 3; ++i)
    if (node.parts[i + 1]) bounds[i] = eval(*node.parts[i + 1], scope);
  return slice_of(value, &bounds[0], &bounds[1], &bounds[2], budget_);
}

Value Rendering::eval_compare(const Expression& node, const Scope& scope) {
  Value left = eval(*node.parts[0], scope);
  for (std::size_t i = 0; i < node.operators.size(); ++i) {
    Value right = eval(*node.parts[i + 1], scope);
    const std::string& sign = node.operators[i];
    bool holds = false;
    if (sign == "==" || sign == "!=")
      holds = equal(left, right, budget_) == (sign == "==");
    else if (sign == "in" || sign == "not in")
      holds = contains(right, left, budget_) == (sign == "in");
    else if (sign == "<" || sign == ">")
      holds = sign == "<" ? less(left, right, budget_) : less(right, left, budget_);
    else
      holds = (sign == "<=" ? less(left, right, budget_) : less(right, left, budget_)) || equal(left, right, budget_);
    if (!holds) return truth(false);
    left = std::move(right);
  }
  return truth(true);
}

Value Rendering::eval_concat(const Expression& node, const Scope& scope) {
  std::string text;
  for (const ExpressionPtr& part : node.parts) text += text_of(eval(*part, scope), budget_);
  return Value::text(std::move(text), budget_);
}

Value Rendering::name(const std::string& name, const Scope& scope) {
  for (const Scope* at = &scope; at; at = at->parent) {
    budget_.steps();
    for (const auto& [known, value] : at->names)
      if (known == name) return value;
  }
  for (const char* function : kFunctions)
    if (name == function && (now_ || name != "strftime_now")) return Value::Content(Builtin{function});
  return Value::undefined("'" + name + "' is undefined");
}

Arguments Rendering::arguments(const Expression& node, const Scope& scope) {
  Arguments made;
  for (std::size_t i = 1; i < node.parts.size(); ++i) made.positional.push_back(eval(*node.parts[i], scope));
  for (const auto& [name, value] : node.named) made.named.emplace_back(name, eval(*value, scope));
  return made;
}

// A chain of filters over the text of a block: it begins with the one whose input is null.
Value Rendering::filtered_block(const Expression& node, const Value& text, const Scope& scope) {
  const Value input = node.parts[0] ? filtered_block(*node.parts[0], text, scope) : text;
  return filtered(node.text, input, arguments(node, scope), budget_);
}

Value Rendering::eval_call(const Expression& node, const Scope& scope, const Macro* caller) {
  const Expression& callee = *node.parts[0];
  const bool is_item = callee.kind == ExpressionKind::item;
  if (callee.kind != ExpressionKind::attribute && !is_item) {
    const Value function = eval(callee, scope);
    return call(function, arguments(node, scope), caller);
  }
  // A method is called on what stands before it.
  const Value self = eval(*callee.parts[0], scope);
  const Value key = is_item ? eval(*callee.parts[1], scope) : Value::text(callee.text, budget_);
  const auto* loop = self.as<LoopState*>();
  if (loop && key.as_text()) return call_loop(**loop, *key.as_text(), arguments(node, scope));
  const Value member = is_item ? item_of(self, key, budget_) : attribute_of(self, callee.text, budget_);
  if (key.as_text() && (member.is<Undefined>() || member.is<Builtin>()) && !self.is<Namespace*>())
    return call_method(self, *key.as_text(), arguments(node, scope), budget_);
  return call(member, arguments(node, scope), caller);
}

Value Rendering::call(const Value& callee, const Arguments& arguments, const Macro* caller) {
  if (const auto* macro = callee.as<const Macro*>()) return call_macro(**macro, arguments, caller);
  if (const auto* loop = callee.as<LoopState*>()) return call_again(**loop, arguments);
  if (const auto* function = callee.as<Builtin>()) return call_function(function->name, arguments);
  if (const auto* undefined = callee.as<Undefined>()) fail(*undefined->what);
  fail(base::text(callee.type_name(), " cannot be called"));
}

Value Rendering::call_macro(const Macro& macro, const Arguments& arguments, const Macro* caller) {
  const std::vector<Parameter>& parameters = macro.statement->parameters;
  if (arguments.positional.size() > parameters.size())
    fail(base::text("macro '", macro.name, "' takes no more than ", parameters.size(), " arguments"));
  Scope& own = new_scope(*macro.scope);
  std::vector<bool> is_used(arguments.named.size(), false);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Value value = Value::undefined("parameter '" + parameters[i].name + "' was not provided");
    if (i < arguments.positional.size())
      value = arguments.positional[i];
    else if (parameters[i].otherwise)
      value = eval(*parameters[i].otherwise, own);
    for (std::size_t n = 0; n < arguments.named.size(); ++n)
      if (arguments.named[n].first == parameters[i].name) {
        if (i < arguments.positional.size())
          fail("macro '" + macro.name + "' is given '" + parameters[i].name + "' twice");
        value = arguments.named[n].second;
        is_used[n] = true;
      }
    budget_.bytes(static_cast<std::int64_t>(sizeof(Value) + parameters[i].name.size()));
    own.names.emplace_back(parameters[i].name, std::move(value));
  }
  for (std::size_t n = 0; n < is_used.size(); ++n)
    if (!is_used[n]) fail("macro '" + macro.name + "' takes no argument '" + arguments.named[n].first + "'");
  if (caller) own.names.emplace_back("caller", Value::Content(caller));
  return Value::text(captured(macro.statement->bodies[0], own), budget_);
}

// loop(items), of a recursive loop.
Value Rendering::call_again(const LoopState& loop, const Arguments& arguments) {
  const RecursiveLoop* again = loop.again;
  if (!again) fail("the loop is not recursive");
  std::string text;
  std::string* const outer = std::exchange(out_, &text);
  run_turns(*again->statement, *arguments.bound("loop", {"iterable"}, 1)[0], *again->scope, loop.depth + 1);
  out_ = outer;
  return Value::text(std::move(text), budget_);
}

Value Rendering::call_loop(LoopState& loop, const std::string& method, const Arguments& arguments) {
  const List& given = arguments.positional;
  if (method == "cycle") {
    if (given.empty()) fail("loop.cycle needs an argument");
    return given[loop.index % given.size()];
  }
  if (method != "changed") fail("method '" + method + "' of loop is not supported");
  const bool is_same = std::equal(given.begin(), given.end(), loop.last_changed.begin(), loop.last_changed.end(),
                                  [&](const Value& a, const Value& b) { return equal(a, b, budget_); });
  loop.last_changed = given;
  return truth(!is_same);
}

Value Rendering::call_function(const std::string& name, const Arguments& arguments) {
  if (name == "range") return range(arguments);
  if (name == "namespace") return make_namespace(arguments);
  if (name == "raise_exception") fail(text_of(*arguments.bound("raise_exception", {"message"}, 1)[0], budget_));
  if (name == "dict") {
    Entries entries;
    if (const Entries* from = leading_dict(arguments)) entries = *from;
    for (const auto& [key, value] : arguments.named) put(entries, Value::text(key, budget_), value, budget_);
    return Value::dict(std::move(entries), budget_);
  }
  if (name != "strftime_now") fail("a method is called where it is named");
  const std::string format = text_argument(arguments.bound("strftime_now", {"format"}, 1)[0], "");
  if (format.empty() || format.size() > 200) return Value::text("", budget_);
  char text[4096];
  return Value::text(std::string(text, std::strftime(text, sizeof text, format.c_str(), &*now_)), budget_);
}

Value Rendering::range(const Arguments& arguments) {
  const auto bounds = arguments.bound("range", {"start", "stop", "step"}, 1);
  const std::int64_t begin = bounds[1] ? whole_argument(bounds[0], 0) : 0;
  const std::int64_t end = whole_argument(bounds[1] ? bounds[1] : bounds[0], 0), step = whole_argument(bounds[2], 1);
  if (step == 0) fail("the step of a range cannot be 0");
  List items;
  for (std::int64_t at = begin; step > 0 ? at < end : at > end;) {
    if (std::ssize(items) >= kLongestRange) fail(base::text("a range of more than ", kLongestRange, " numbers"));
    items.push_back(Value::Content(at));
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return Value::list(std::move(items), budget_);
}

Value Rendering::make_namespace(const Arguments& arguments) {
  const Entries* from = leading_dict(arguments);
  budget_.bytes(sizeof(Namespace));
  Namespace& made = namespaces_.emplace_back();
  const auto set = [&](const std::string& name, const Value& value) {
    if (name.starts_with('_')) fail("an attribute of a namespace does not begin with _");
    budget_.bytes(static_cast<std::int64_t>(sizeof(Value) + name.size()));
    for (auto& [known, old] : made.attributes)
      if (known == name) {
        old = value;
        return;
      }
    made.attributes.emplace_back(name, value);
  };
  if (from)
    for (const auto& [key, value] : *from) set(text_of(key, budget_), value);
  for (const auto& [name, value] : arguments.named) set(name, value);
  return Value::Content(&made);
}

}  // namespace muster::chat
