#include "runtime/chat/parser.h"

#include <algorithm>
#include <set>

#include "runtime/base/text.h"
#include "runtime/chat/expression_parser.h"

namespace muster::chat {
namespace {

constexpr int kDeepest = 50;  // of blocks within blocks

class Parser {
 public:
  Parser(const std::string& source, const std::string& where) : tokens_(source, where), expressions_(tokens_) {}

  Body whole() {
    Body body = statements({});
    if (!tokens_.is(TokenKind::end)) tokens_.fail_unexpected("a statement");
    return body;
  }

 private:
  // Up to a block that begins with one of `ends`, whose name is the next token then; with none up to the end.
  Body statements(const std::set<std::string>& ends) {
    if (++depth_ > kDeepest) tokens_.fail(base::text("blocks are nested deeper than ", kDeepest));
    Body body;
    for (;;) {
      const int line = tokens_.now().line;
      if (tokens_.is(TokenKind::data)) {
        body.push_back({.kind = StatementKind::data, .line = line, .text = tokens_.take().text});
      } else if (tokens_.is(TokenKind::print_begin)) {
        tokens_.take();
        body.push_back({.kind = StatementKind::print, .line = line});
        body.back().expressions.push_back(expressions_.tuple());
        tokens_.expect(TokenKind::print_end, "'}}'");
      } else if (tokens_.is(TokenKind::block_begin)) {
        tokens_.take();
        if (tokens_.is(TokenKind::name) && ends.contains(tokens_.now().text)) break;
        body.push_back(statement(line));
        tokens_.expect(TokenKind::block_end, "'%}'");
      } else {
        if (!ends.empty()) tokens_.fail_unexpected(base::text("{% ", *ends.rbegin(), " %}"));
        break;
      }
    }
    --depth_;
    return body;
  }

  // The block's own "%}", what it holds, and the name that ends it.
  Body body_until(const std::set<std::string>& ends) {
    tokens_.skip_sign(":");
    tokens_.expect(TokenKind::block_end, "'%}'");
    return statements(ends);
  }
  Body body_to_end(const char* end) {
    Body body = body_until({end});
    tokens_.take();
    return body;
  }

  Statement statement(int line) {
    const std::string name = tokens_.expect_any_name();
    if (name == "if") return branch(line);
    if (name == "for") return loop(line);
    if (name == "set") return assign(line);
    if (name == "macro") return macro(line);
    if (name == "call") return call_block(line);
    if (name == "with") return with(line);
    Statement made{.kind = StatementKind::scope, .line = line};
    if (name == "filter") {
      made.kind = StatementKind::filter_block;
      made.expressions.push_back(expressions_.filters(nullptr, true));
      made.bodies.push_back(body_to_end("endfilter"));
    } else if (name == "generation") {
      made.bodies.push_back(body_to_end("endgeneration"));
    } else if (name == "print") {
      made.kind = StatementKind::print;
      do made.expressions.push_back(expressions_.expression());
      while (tokens_.skip_sign(","));
    } else if (name == "break" || name == "continue") {
      if (loops_ == 0) fail_at(tokens_.where(), line, "'" + name + "' stands in no loop");
      made.kind = name == "break" ? StatementKind::stop : StatementKind::next;
    } else {
      fail_at(tokens_.where(), line, "statement '" + name + "' is not supported",
              "supported: if, for, break, continue, set, macro, call, filter, with, generation, raw, print");
    }
    return made;
  }

  Statement branch(int line) {
    Statement made{.kind = StatementKind::branch, .line = line};
    do {
      made.expressions.push_back(expressions_.tuple(false));
      made.bodies.push_back(body_until({"elif", "else", "endif"}));
    } while (tokens_.skip_name("elif"));
    if (tokens_.take().text == "else") made.bodies.push_back(body_to_end("endif"));
    return made;
  }

  Statement loop(int line) {
    Statement made{.kind = StatementKind::loop, .line = line};
    made.targets.push_back(target("in", false));
    tokens_.expect_name("in");
    made.expressions.push_back(expressions_.tuple(false, "recursive"));
    if (tokens_.skip_name("if")) made.expressions.push_back(expressions_.expression());
    made.is_recursive = tokens_.skip_name("recursive");
    ++loops_;
    made.bodies.push_back(body_until({"else", "endfor"}));
    --loops_;
    if (tokens_.take().text == "else") made.bodies.push_back(body_to_end("endfor"));
    return made;
  }

  Statement assign(int line) {
    Statement made{.kind = StatementKind::assign, .line = line};
    made.targets.push_back(target("", true));
    if (tokens_.skip_sign("=")) {
      made.expressions.push_back(expressions_.tuple());
      return made;
    }
    made.kind = StatementKind::capture;
    if (tokens_.is_sign("|")) made.expressions.push_back(expressions_.filters(nullptr));
    made.bodies.push_back(body_to_end("endset"));
    return made;
  }

  Statement macro(int line) {
    Statement made{.kind = StatementKind::macro, .line = line, .text = tokens_.expect_any_name()};
    made.parameters = parameters();
    made.bodies.push_back(macro_body("endmacro"));
    return made;
  }

  Statement call_block(int line) {
    Statement made{.kind = StatementKind::call_block, .line = line};
    if (tokens_.is_sign("(")) made.parameters = parameters();
    made.expressions.push_back(expressions_.expression());
    if (made.expressions[0]->kind != ExpressionKind::call) fail_at(tokens_.where(), line, "a call is expected here");
    made.bodies.push_back(macro_body("endcall"));
    return made;
  }

  // A loop outside is not one that `break` inside could end.
  Body macro_body(const char* end) {
    const int loops = std::exchange(loops_, 0);
    Body body = body_to_end(end);
    loops_ = loops;
    return body;
  }

  Statement with(int line) {
    Statement made{.kind = StatementKind::with, .line = line};
    while (!tokens_.is(TokenKind::block_end)) {
      if (!made.targets.empty()) tokens_.expect_sign(",");
      made.targets.push_back(target_part(false));
      tokens_.expect_sign("=");
      made.expressions.push_back(expressions_.expression());
    }
    made.bodies.push_back(body_to_end("endwith"));
    return made;
  }

  std::vector<Parameter> parameters() {
    std::vector<Parameter> made;
    tokens_.expect_sign("(");
    while (!tokens_.is_sign(")")) {
      if (!made.empty()) tokens_.expect_sign(",");
      made.push_back({.name = tokens_.expect_any_name()});
      if (tokens_.skip_sign("="))
        made.back().otherwise = expressions_.expression();
      else if (made.size() > 1 && made[made.size() - 2].otherwise)
        tokens_.fail("a parameter without a default stands behind one with a default");
    }
    tokens_.expect_sign(")");
    return made;
  }

  Target target(std::string_view end, bool with_attribute) {
    Target whole{.line = tokens_.now().line};
    bool is_tuple = false;
    while (!(is_tuple && !end.empty() && tokens_.is_name(end)) && !(is_tuple && tokens_.is_sign("="))) {
      whole.parts.push_back(target_part(with_attribute));
      if (!tokens_.skip_sign(",")) break;
      is_tuple = true;
    }
    return is_tuple ? std::move(whole) : std::move(whole.parts[0]);
  }

  Target target_part(bool with_attribute) {
    Target made{.line = tokens_.now().line};
    if (tokens_.is_sign("(")) {
      if (++depth_ > kDeepest) tokens_.fail(base::text("blocks are nested deeper than ", kDeepest));
      tokens_.take();
      made = target("", with_attribute);
      tokens_.expect_sign(")");
      --depth_;
      return made;
    }
    made.name = tokens_.expect_any_name();
    constexpr std::string_view kConstants[] = {"true", "false", "none", "True", "False", "None"};
    if (std::count(std::begin(kConstants), std::end(kConstants), made.name) > 0)
      fail_at(tokens_.where(), made.line, "cannot assign to '" + made.name + "'");
    if (with_attribute && tokens_.skip_sign(".")) made.attribute = tokens_.expect_any_name();
    return made;
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int depth_ = 0, loops_ = 0;
};

}  // namespace

Body parse_template(const std::string& source, const std::string& where) { return Parser(source, where).whole(); }

}  // namespace muster::chat
