#include "runtime/reward/math/normalize.h"

#include <gtest/gtest.h>

namespace muster::reward::math {
namespace {

TEST(Boxes, AllOrTheLastThatBelongTogether) {
  EXPECT_EQ(boxed_content("no box", Boxes::all), "no box");
  EXPECT_EQ(boxed_content("\\boxed{1} and \\boxed{2}", Boxes::all), "1,2");
  EXPECT_EQ(boxed_content("\\boxed{1} and \\boxed{2}", Boxes::last), "1,2");
  EXPECT_EQ(boxed_content("\\boxed{1} which is far away from the other one, \\boxed{2}", Boxes::last), "1,2");
  EXPECT_EQ(boxed_content("\\boxed{1} which is far away from the other one \\boxed{2}", Boxes::last), "2");
  EXPECT_EQ(boxed_content("\\boxed{\\frac{1}{2}}", Boxes::last), "\\frac{1}{2}");
  EXPECT_EQ(boxed_content("\\boxed{1} then \\boxed{2", Boxes::last), "{2") << "cut off: its beginning counts";
  EXPECT_EQ(boxed_content("\\boxed{7} as asked, in \\boxed{} or \\boxed{...} or \\boxed{\\text{answer}}", Boxes::last),
            "7");
  EXPECT_EQ(boxed_content("\\boxed{7}, within \\boxed", Boxes::last), "7");
  EXPECT_EQ(boxed_content("\\boxed{3}, no, \\boxed{7}", Boxes::last), "7") << "taken back";
  EXPECT_EQ(boxed_content("\\boxed{3}。答案是\\boxed{4}", Boxes::last), "3,4") << "distances are in characters";
  EXPECT_EQ(boxed_content("\\fbox{3}", Boxes::last), "3");
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "\\boxed{";
  EXPECT_FALSE(boxed_content(many, Boxes::all).empty());
}

TEST(Normalize, TakesOffDress) {
  const auto clean = [](const char* text) { return normalized_latex(text, Boxes::all); };
  EXPECT_EQ(clean("\\left( x \\right)"), "( x )");
  EXPECT_EQ(clean("$\\dfrac{1}{2}$"), "\\frac{1}{2}");
  EXPECT_EQ(clean("\\frac12"), "\\frac{1}{2}");
  EXPECT_EQ(clean("\\frac3{4}"), "\\frac{3}{4}");
  EXPECT_EQ(clean("1/2"), "\\frac{1}{2}");
  EXPECT_EQ(clean("\\sqrt3"), "\\sqrt{3}");
  EXPECT_EQ(clean("\\sqrt(3)"), "\\sqrt{3}");
  EXPECT_EQ(clean("x^(2)"), "x^{2}");
  EXPECT_EQ(clean(".5"), "0.5");
  EXPECT_EQ(clean("14{,}916"), "14,916");
  EXPECT_EQ(clean("15\\mbox{ cm}^2"), "15");
  EXPECT_EQ(clean("35 cm"), "35");
  EXPECT_EQ(clean("28 percent"), "28\\%");
  EXPECT_EQ(clean("1 \\text{ and } 2"), "1, 2");
  EXPECT_EQ(clean("\\\\frac{1}{2}"), "\\frac{1}{2}");
  EXPECT_EQ(clean("\\text{Evelyn}"), "\\text{Evelyn}") << "a unit alone is no unit";
  EXPECT_EQ(clean("\\frac"), "\\frac");
}

}  // namespace
}  // namespace muster::reward::math
