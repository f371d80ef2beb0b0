#include "runtime/reward/math/lexer.h"

#include <gtest/gtest.h>

namespace muster::reward::math {
namespace {

std::string texts(std::string_view latex) {
  const auto lexemes = lexemes_of(latex);
  if (!lexemes) return "none";
  std::string out;
  for (const Lexeme& lexeme : *lexemes)
    if (lexeme.token != Token::end) out += lexeme.text + "|";
  return out;
}

TEST(Lexer, TheLongestTokenWins) {
  EXPECT_EQ(texts("x\\leq 3"), "x|<=|3|");
  EXPECT_EQ(texts("\\infty\\in\\int"), "\\infty|\\in|\\int|");
  EXPECT_EQ(texts("12%"), "12|");
  EXPECT_EQ(lexemes_of("12 \\%")->at(0).token, Token::percent_number);
  EXPECT_EQ(lexemes_of("1.5E-3")->at(0).token, Token::e_notation);
  EXPECT_EQ(lexemes_of("1.5")->at(0).text, "1.5");
  EXPECT_EQ(texts("x^\\circ"), "x|^\\circ|");
}

TEST(Lexer, WhatIsWithinTextIsAName) {
  EXPECT_EQ(texts("\\text{(C)}"), "c|");
  EXPECT_EQ(texts("\\mathbb{R}"), "R|");
  EXPECT_EQ(texts("\\vec{A B}"), "vec{ab}|");
  EXPECT_EQ(texts("α\\beta"), "alpha|beta|");
}

TEST(Lexer, WhatIsNoTokenIsRefused) {
  for (const char* latex : {"5.", "\\unknown", "#", "\xFF", "a\\"}) EXPECT_EQ(texts(latex), "none") << latex;
}

}  // namespace
}  // namespace muster::reward::math
