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

TEST(Rational, ClosenessIsRelative) {
  const auto close = [](const char* a, const char* b, int decimals = 6) {
    return are_close(*Rational::parse(a), *Rational::parse(b), decimals);
  };
  EXPECT_TRUE(close("0.333333", "0.33333333"));
  EXPECT_TRUE(close("0.041667", "0.0416666667"));
  EXPECT_FALSE(close("0.0417", "0.041667"));
  EXPECT_FALSE(close("0.0000003", "0.0000004"));
  EXPECT_FALSE(close("0.000003", "0.0000034"));
  EXPECT_TRUE(close("0.0000003123456", "0.00000031234561"));
  EXPECT_FALSE(close("0.0000000000000000000000000000001", "0"));
  EXPECT_FALSE(close("12345678.9", "12345678.8"));
  EXPECT_TRUE(close("0.333", "0.334", 2));
  EXPECT_FALSE(close("0.001", "0.004", 2)) << "both are 0.00";
}

}  // namespace
}  // namespace muster::reward::math
