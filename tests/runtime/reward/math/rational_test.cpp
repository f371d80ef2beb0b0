#include "runtime/reward/math/rational.h"

#include <gtest/gtest.h>

namespace muster::reward::math {
namespace {

TEST(Rational, ReadsDecimalsExactly) {
  EXPECT_EQ(Rational::parse("0.125")->text(), "1/8");
  EXPECT_EQ(Rational::parse(".5")->text(), "1/2");
  EXPECT_EQ(Rational::parse("007")->text(), "7");
  EXPECT_EQ(Rational::parse("100000000000000000000000000000000000000001")->text(),
            "100000000000000000000000000000000000000001");
  for (const char* text : {"", ".", "1.2.3", "-1", "x", "1e5"}) EXPECT_FALSE(Rational::parse(text)) << text;
  EXPECT_FALSE(Rational::parse(std::string(Rational::kMaxDigits + 1, '1')));
}

TEST(Rational, RoundsTiesToTheEvenNeighbour) {
  EXPECT_EQ(Rational(1, 3).rounded(2).text(), "33/100");
  EXPECT_EQ(Rational(1, 8).rounded(2).text(), "3/25");   // 0.125 -> 0.12
  EXPECT_EQ(Rational(3, 8).rounded(2).text(), "19/50");  // 0.375 -> 0.38
  EXPECT_EQ(Rational(-1, 8).rounded(2).text(), "-3/25");
  EXPECT_EQ(Rational(-3, 8).rounded(2).text(), "-19/50");
  EXPECT_EQ(Rational(-2, 3).rounded(1).text(), "-7/10");
  EXPECT_EQ(Rational(5, 2).rounded(0).text(), "2");
}

}  // namespace
}  // namespace muster::reward::math
