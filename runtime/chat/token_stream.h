// The tokens of a template with a place in them, for the parser.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/chat/lexer.h"

namespace muster::chat {

class TokenStream {
 public:
  TokenStream(const std::string& source, const std::string& where) : where_(where), tokens_(tokens_of(source, where)) {}

  const Token& now() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token take();
  bool is(TokenKind kind) const { return now().kind == kind; }
  bool is_sign(std::string_view sign) const { return is(TokenKind::sign) && now().text == sign; }
  bool is_name(std::string_view name) const { return is(TokenKind::name) && now().text == name; }
  bool skip_sign(std::string_view sign);
  bool skip_name(std::string_view name);
  /// throws: Error::user when something else is there.
  void expect_sign(std::string_view sign);
  void expect_name(std::string_view name);
  std::string expect_any_name();
  void expect(TokenKind kind, const char* what);
  [[noreturn]] void fail(const std::string& what, const std::string& fix = "") const {
    fail_at(where_, now().line, what, fix);
  }
  [[noreturn]] void fail_unexpected(const std::string& expected) const;
  const std::string& where() const { return where_; }

 private:
  const std::string& where_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

}  // namespace muster::chat
