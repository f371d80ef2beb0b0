#include "runtime/base/text.h"

#include <gtest/gtest.h>

namespace muster::base {
namespace {

TEST(Text, SplitsAndJoins) {
  const std::vector<std::string> parts = split("a,,b", ',');
  EXPECT_EQ(parts, (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(join(parts, ","), "a,,b");
  EXPECT_EQ(trim("  x y\n"), "x y");
}

TEST(Text, FindsTheNearestWordAndOnlyANearOne) {
  const std::vector<std::string> known{"tp", "samples_per_prompt", "prompts_per_step"};
  EXPECT_EQ(nearest("sample_per_prompt", known), "samples_per_prompt");
  EXPECT_EQ(nearest("trian", std::vector<std::string>{"gen", "train"}), "train");
  EXPECT_EQ(nearest("colour", known), "");
}

TEST(Text, WritesFiguresAsPeopleReadThem) {
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(12), "12 B");
  EXPECT_EQ(seconds_text(0.0123), "12 ms");
  EXPECT_EQ(seconds_text(73.4), "1 min 13 s");
  EXPECT_EQ(number_text(0.8046, 2), "0.80");
}

TEST(Text, QuotesForAShell) {
  EXPECT_EQ(shell_quoted("a-b/c"), "a-b/c");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quoted(""), "''");
}

}  // namespace
}  // namespace muster::base
