#include "runtime/data/regex.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::data {
namespace {

std::vector<std::string> matches_of(const std::string& pattern, const std::string& text) {
  std::vector<Span> spans;
  Regex(pattern, "test").find_all(text, spans);
  std::vector<std::string> matches;
  for (const Span& span : spans) matches.push_back(text.substr(span.begin, span.end - span.begin));
  return matches;
}

using Strings = std::vector<std::string>;

TEST(Regex, ClassesAreThoseOfUnicode) {
  EXPECT_EQ(matches_of(R"(\p{L}+)", "größe Ω 中文 x1"), (Strings{"größe", "Ω", "中文", "x"}));
  EXPECT_EQ(matches_of(R"(\s+)", "a\u00a0\u3000b\u0085c"), (Strings{"\u00a0\u3000", "\u0085"}));
}

TEST(Regex, WhiteSpaceLeavesTheMongolianVowelSeparatorOut) {
  EXPECT_EQ(matches_of(R"(\s)", "\u180e"), Strings{});
  EXPECT_EQ(matches_of(R"([^\s])", "\u180e"), Strings{"\u180e"});
  EXPECT_EQ(matches_of(R"(\S)", "\u180e "), Strings{"\u180e"});
}

TEST(Regex, EmptyMatchesMoveOnByACharacter) {
  EXPECT_EQ(matches_of("x*", "éxé"), (Strings{"", "x", ""}));
  EXPECT_EQ(matches_of("x*", ""), Strings{""});
}

TEST(Regex, AnEscapedTextMatchesOnlyItself) {
  const std::string odd = std::string("a.b*[c]\\^$ -\u00e9") + '\0';
  EXPECT_EQ(matches_of(escaped_pattern(odd), "x" + odd + "y"), Strings{odd});
  EXPECT_EQ(matches_of(escaped_pattern("."), "abc"), Strings{});
}

TEST(Regex, WhatMeansSomethingElseHereIsRefused) {
  for (const char* pattern :
       {"[a-z&&[^b]]", "[[a]b]", R"(\p{N}{1,3}+)", R"(\w+)", R"(\h)", "(", R"(\p{Nonsense})", "[a", R"(\C)"}) {
    try {
      Regex(pattern, "tokenizer.json: pre_tokenizer");
      ADD_FAILURE() << pattern << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_NE(std::string(error.what()).find("tokenizer.json: pre_tokenizer"), std::string::npos);
    }
  }
}

TEST(Regex, AnExpressionThatRunsAwayEndsInAnError) {
  std::vector<Span> spans;
  const Regex regex("(a+)+$", "test");
  EXPECT_THROW(regex.find_all(std::string(60, 'a') + "b", spans), Error);
}

}  // namespace
}  // namespace muster::data
