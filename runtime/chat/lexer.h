// Cuts a template into tokens: text, and the words between {{ }} and {% %}; white space is trimmed here, as Jinja with
// trim_blocks and lstrip_blocks does it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace muster::chat {

enum class TokenKind { data, print_begin, print_end, block_begin, block_end, name, text, whole, real, sign, end };

struct Token {
  TokenKind kind;
  int line;          // from 1
  std::string text;  // of data and text the content, of a name or sign how it is written
  std::int64_t whole = 0;
  double real = 0;
};

/// The last token is `end`. throws: Error::user at `where` and line.
std::vector<Token> tokens_of(const std::string& source, const std::string& where);

/// At "where:line". throws: Error::user.
[[noreturn]] void fail_at(const std::string& where, int line, const std::string& what, const std::string& fix = "");

}  // namespace muster::chat
