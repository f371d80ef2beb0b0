// Reads expressions (grammar: parser.h).
#pragma once

#include "runtime/chat/syntax.h"
#include "runtime/chat/token_stream.h"

namespace muster::chat {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  ExpressionPtr expression(bool with_choice = true);
  /// One expression, or several with commas between them. It ends before the name `end`.
  ExpressionPtr tuple(bool with_choice = true, std::string_view end = "");
  /// { "|" name [call] }, over `input`, which may be null. `begins_with_name`: the first "|" is left out.
  ExpressionPtr filters(ExpressionPtr input, bool begins_with_name = false);

 private:
  ExpressionPtr either();
  ExpressionPtr both();
  ExpressionPtr negation();
  ExpressionPtr compare();
  ExpressionPtr sum();
  ExpressionPtr concat();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filters = true);
  ExpressionPtr primary();
  ExpressionPtr postfix(ExpressionPtr node);
  ExpressionPtr subscript(ExpressionPtr node);
  ExpressionPtr call(ExpressionPtr node);
  ExpressionPtr test(ExpressionPtr node);
  ExpressionPtr list();
  ExpressionPtr dict();
  void arguments(Expression& node);
  ExpressionPtr tuple_until(bool with_choice, std::string_view end, bool in_parentheses);
  bool at_tuple_end(std::string_view end) const;
  template <class... Parts>
  ExpressionPtr make(ExpressionKind kind, int line, Parts... parts) const;
  ExpressionPtr measured(ExpressionPtr node) const;
  ExpressionPtr chain(const char* word, ExpressionKind kind, ExpressionPtr (ExpressionParser::*operand)());
  ExpressionPtr arithmetic(std::initializer_list<const char*> signs, ExpressionPtr (ExpressionParser::*operand)());

  TokenStream& tokens_;
  int depth_ = 0;  // of calls of this parser
};

}  // namespace muster::chat
