#include "launcher/page/terminal.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace muster::page {
namespace {

const Style kUtf8{.columns = 20, .utf8 = true};
const Style kAscii{.columns = 20};

TEST(Columns, CountSignsAndNotBytes) {
  EXPECT_EQ(columns_of("abc"), 3);
  EXPECT_EQ(columns_of("▁▂█"), 3);
  EXPECT_EQ(columns_of("数学"), 4);
  EXPECT_EQ(columns_of("e\xCC\x81"), 1);
  EXPECT_EQ(columns_of("\xFF\xFE"), 2);
}

TEST(Shortened, EndsInAnEllipsisWithinItsColumns) {
  EXPECT_EQ(shortened("What is 3 + 5?", 14, kUtf8), "What is 3 + 5?");
  EXPECT_EQ(shortened("What is 3 + 5?", 10, kUtf8), "What is 3…");
  EXPECT_EQ(shortened("What is 3 + 5?", 10, kAscii), "What is...");
  EXPECT_EQ(shortened("数学数学", 5, kUtf8), "数学…");
  EXPECT_EQ(shortened("数学", 1, kUtf8), "");
}

TEST(Harmless, LeavesNoControlCharacters) {
  EXPECT_EQ(harmless("a\033[2Jb\r\n\tc", kUtf8), "a [2Jb c");
  EXPECT_EQ(harmless("  é \xFF", kUtf8), "é ?");
  EXPECT_EQ(harmless("é", kAscii), "?");
  EXPECT_EQ(harmless("\xE2\x80\xAE"
                     "abc\xC2\x9B"
                     "1m",
                     kUtf8),
            "abc 1m");
}

TEST(Padded, FillsUpAtEitherSide) {
  EXPECT_EQ(padded("é", 3), "é  ");
  EXPECT_EQ(padded_left("12", 4), "  12");
  EXPECT_EQ(padded("abcd", 2), "abcd");
}

TEST(Lines, AreCutAtTheWidthAndColouredOnlyWhereTheStyleHasColours) {
  const Line line = Line("0123456789", Ink::green).add("abcdefghijklmno");
  EXPECT_EQ(line.columns(), 25);
  EXPECT_EQ(line.rendered(kAscii), "0123456789abcdefghij");
  Style colored = kAscii;
  colored.color = true;
  colored.columns = 12;
  EXPECT_EQ(line.rendered(colored), "\033[32m0123456789\033[0mab");
}

TEST(Lines, LeaveOutTheLastPartsWhereThereIsLittleRoom) {
  EXPECT_EQ(fitted({"first", "second", "third"}, 20).rendered(kAscii), "first   second");
  EXPECT_EQ(fitted({"first", "", "third"}, 20).rendered(kAscii), "first   third");
  EXPECT_EQ(fitted({"first", "second"}, 3).rendered(kAscii), "first");
}

TEST(Lines, AreSpreadToBothEnds) {
  EXPECT_EQ(spread("left", "right", 12).rendered(kAscii), "left   right");
  EXPECT_EQ(spread("left", "right", 10).rendered(kAscii), "left");
}

/// The environment of a terminal, put back at the end.
class Environment : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR", "TERM"}) {
      const char* value = ::getenv(name);
      if (value != nullptr) before_.emplace_back(name, value);
      ::unsetenv(name);
    }
  }
  void TearDown() override {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR", "TERM"}) ::unsetenv(name);
    for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  std::vector<std::pair<std::string, std::string>> before_;
};

TEST_F(Environment, SaysWhetherTheLocaleIsUtf8) {
  EXPECT_FALSE(style_of(stdout, false).utf8);
  ::setenv("LANG", "en_US.UTF-8", 1);
  EXPECT_TRUE(style_of(stdout, false).utf8);
  ::setenv("LC_ALL", "C", 1);
  EXPECT_FALSE(style_of(stdout, false).utf8);
  ::setenv("LC_ALL", "C.utf8", 1);
  EXPECT_TRUE(style_of(stdout, false).utf8);
}

TEST_F(Environment, SaysWhetherThereAreColours) {
  ::setenv("TERM", "xterm", 1);
  EXPECT_FALSE(style_of(stdout, false).color);
  EXPECT_TRUE(style_of(stdout, true).color);
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(style_of(stdout, true).color);
  ::unsetenv("NO_COLOR");
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(style_of(stdout, true).color);
}

}  // namespace
}  // namespace muster::page
