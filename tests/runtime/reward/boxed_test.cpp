#include "runtime/reward/boxed.h"

#include <gtest/gtest.h>

#include <string>

namespace muster::reward {
namespace {

TEST(LastBoxed, TakesTheLastThatIsClosed) {
  EXPECT_EQ(last_boxed("so \\boxed{1} and \\boxed{2}."), "2");
  EXPECT_EQ(last_boxed("\\boxed{\\frac{1}{2}}"), "\\frac{1}{2}");
  EXPECT_EQ(last_boxed("\\boxed{1} then cut off \\boxed{2"), "1");
  EXPECT_EQ(last_boxed("\\boxed{\\{1, 2\\}}"), "\\{1, 2\\}");
  EXPECT_EQ(last_boxed("\\fbox{3}"), "3");
  EXPECT_EQ(last_boxed("$\\boxed 7$"), "7");
  EXPECT_EQ(last_boxed("\\boxed {8}"), "8");
}

TEST(LastBoxed, WithoutABoxThereIsNone) {
  EXPECT_EQ(last_boxed(""), std::nullopt);
  EXPECT_EQ(last_boxed("7"), std::nullopt);
  EXPECT_EQ(last_boxed("\\boxed"), std::nullopt);
  EXPECT_EQ(last_boxed("\\boxed{"), std::nullopt);
}

TEST(LastBoxed, AMillionOpenBoxesEndSoon) {
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text += "\\boxed{";
  EXPECT_EQ(last_boxed(text), std::nullopt);
}

}  // namespace
}  // namespace muster::reward
