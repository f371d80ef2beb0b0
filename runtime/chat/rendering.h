// Runs a parsed template once: names, loops, macros, what is printed.
#pragma once

#include <ctime>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "runtime/chat/access.h"
#include "runtime/chat/arguments.h"
#include "runtime/chat/syntax.h"

namespace muster::chat {

/// Names of one block (a loop's turn, a macro's call); the outermost ones are what the caller gives.
struct Scope {
  const Scope* parent;
  std::vector<std::pair<std::string, Value>> names;
};

/// A macro and where it was defined; also what `caller` is within {% call %}.
struct Macro {
  const Statement* statement;
  const Scope* scope;
  std::string name;
};

/// A loop that is `recursive`, for loop(...) to run it again.
struct RecursiveLoop {
  const Statement* statement;
  Scope* scope;
};

/// For one run: after an error it is of no use any more.
class Rendering {
 public:
  /// `now` is what strftime_now shows; none: there is no such function.
  Rendering(std::string where, std::optional<std::tm> now) : where_(std::move(where)), now_(now) {}

  Budget& budget() { return budget_; }
  /// throws: Error::user at "where:line".
  std::string run(const Body& body, std::vector<std::pair<std::string, Value>> variables);

 private:
  enum class Flow { on, stop, next };

  // ---- rendering.cpp: statements
  Flow run(const Body& body, Scope& scope);
  Flow run(const Statement& statement, Scope& scope);
  Flow run_branch(const Statement& statement, Scope& scope);
  Flow run_loop(const Statement& statement, Scope& scope);
  Flow run_turns(const Statement& statement, const Value& over, Scope& scope, std::int64_t depth);
  void run_with(const Statement& statement, Scope& scope);
  void run_call_block(const Statement& statement, Scope& scope);
  void assign(const Target& target, const Value& value, Scope& scope);
  std::string captured(const Body& body, Scope& scope);
  void print(const std::string& text);
  void go_deeper();
  Scope& new_scope(const Scope& parent);
  List loop_items(const Statement& statement, const Value& over, Scope& scope);

  // ---- evaluation.cpp: expressions
  Value eval(const Expression& node, const Scope& scope);
  Value eval_here(const Expression& node, const Scope& scope);
  Value eval_dict(const Expression& node, const Scope& scope);
  Value eval_slice(const Expression& node, const Scope& scope);
  Value eval_compare(const Expression& node, const Scope& scope);
  Value eval_concat(const Expression& node, const Scope& scope);
  Value eval_call(const Expression& node, const Scope& scope, const Macro* caller = nullptr);
  Value filtered_block(const Expression& node, const Value& text, const Scope& scope);
  Value name(const std::string& name, const Scope& scope);
  Arguments arguments(const Expression& node, const Scope& scope);
  Value call(const Value& callee, const Arguments& arguments, const Macro* caller);
  Value call_macro(const Macro& macro, const Arguments& arguments, const Macro* caller);
  Value call_function(const std::string& name, const Arguments& arguments);
  Value call_again(const LoopState& loop, const Arguments& arguments);
  Value call_loop(LoopState& loop, const std::string& method, const Arguments& arguments);
  Value range(const Arguments& arguments);
  Value make_namespace(const Arguments& arguments);

  const std::string where_;
  const std::optional<std::tm> now_;
  Budget budget_;
  std::int64_t depth_ = 0;
  std::string* out_ = nullptr;
  // Owners of what values point to; all live as long as the rendering.
  std::deque<Scope> scopes_;
  std::deque<Namespace> namespaces_;
  std::deque<LoopState> loops_;
  std::deque<Macro> macros_;
  std::deque<RecursiveLoop> recursive_loops_;
};

}  // namespace muster::chat
