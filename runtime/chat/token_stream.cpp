#include "runtime/chat/token_stream.h"

#include "runtime/base/text.h"

namespace muster::chat {
namespace {

std::string described(const Token& token) {
  switch (token.kind) {
    case TokenKind::data:
      return "text between tags";
    case TokenKind::print_begin:
      return "'{{'";
    case TokenKind::print_end:
      return "'}}'";
    case TokenKind::block_begin:
      return "'{%'";
    case TokenKind::block_end:
      return "'%}'";
    case TokenKind::end:
      return "the end of the template";
    case TokenKind::text:
      return "a text";
    default:
      return "'" + token.text.substr(0, 40) + "'";
  }
}

}  // namespace

Token TokenStream::take() {
  Token token = now();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenStream::skip_sign(std::string_view sign) {
  if (!is_sign(sign)) return false;
  ++at_;
  return true;
}

bool TokenStream::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  ++at_;
  return true;
}

void TokenStream::expect_sign(std::string_view sign) {
  if (!skip_sign(sign)) fail_unexpected(base::text("'", sign, "'"));
}

void TokenStream::expect_name(std::string_view name) {
  if (!skip_name(name)) fail_unexpected(base::text("'", name, "'"));
}

std::string TokenStream::expect_any_name() {
  if (!is(TokenKind::name)) fail_unexpected("a name");
  return take().text;
}

void TokenStream::expect(TokenKind kind, const char* what) {
  if (!is(kind)) fail_unexpected(what);
  take();
}

void TokenStream::fail_unexpected(const std::string& expected) const {
  fail(base::text(expected, " is expected here, not ", described(now())));
}

}  // namespace muster::chat
