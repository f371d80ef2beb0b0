#include "runtime/reward/math/residue.h"

#include <gtest/gtest.h>

#include "runtime/base/clock.h"
#include "runtime/reward/math/equal.h"
#include "runtime/reward/math/parser.h"

namespace muster::reward::math {
namespace {

std::optional<bool> residues(std::string_view a, std::string_view b) {
  const Expr left = parse_latex(a), right = parse_latex(b);
  EXPECT_TRUE(left && right) << a << " " << b;
  return left && right ? same_residues(left, right) : std::nullopt;
}
bool same(std::string_view gold, std::string_view answer) {
  const Expr left = parse_latex(gold), right = parse_latex(answer);
  EXPECT_TRUE(left && right) << gold << " " << answer;
  return left && right && equal(left, right, {});
}

TEST(Residues, AreThoseOfTheExactValue) {
  EXPECT_EQ(residues("\\frac{1}{3}+\\frac{1}{6}", "\\frac{1}{2}"), true);
  EXPECT_EQ(residues("-7", "3-10"), true);
  EXPECT_EQ(residues("(x+y)^3", "x^3+3x^2y+3xy^2+y^3"), true);
  EXPECT_EQ(residues("(x+y)^3", "x^3+3x^2y+3xy^2+y^3+1"), false);
  EXPECT_EQ(residues("\\binom{10}{3}", "120"), true);
  EXPECT_EQ(residues("\\sum_{k=1}^{10} k^2", "385"), true);
  EXPECT_EQ(residues("x^{-2}", "\\frac{1}{x^2}"), true);
  EXPECT_EQ(residues("\\sqrt{2}", "\\sqrt{2}"), std::nullopt);
  EXPECT_EQ(residues("\\pi", "3"), std::nullopt);
  EXPECT_EQ(residues("2^x", "2^x"), std::nullopt);
}

TEST(Exact, IntegersAndFractionsOfAnySize) {
  EXPECT_TRUE(same("100!", "99! \\cdot 100"));
  EXPECT_FALSE(same("100!", "100!+1"));
  EXPECT_FALSE(same("200!-1", "200!"));
  EXPECT_FALSE(same("2^{2024}-1", "2^{2024}-2"));
  EXPECT_TRUE(same("2^{2024}-1", "(2^{1012}-1)(2^{1012}+1)"));
  EXPECT_FALSE(same("10^{130}", "10^{130}+7"));
  EXPECT_FALSE(same("10^{1000000000}", "10^{1000000000}+1"));
  EXPECT_TRUE(same("2 \\cdot 2^{1000000000}", "2^{1000000001}"));
  EXPECT_FALSE(same("\\frac{1}{3^{5000}}", "\\frac{1}{3^{5000}+1}"));
  EXPECT_FALSE(same("x^{1000}", "x^{1000}+1"));
  EXPECT_TRUE(same("x^{1000}-1", "(x^{500}-1)(x^{500}+1)"));
  EXPECT_FALSE(same("\\binom{2000}{1000}", "\\binom{2000}{1000}+1"));
  EXPECT_FALSE(same("\\frac{10^{200}}{3}", "\\frac{10^{200}+1}{3}"));
}

TEST(Exact, SmallValuesAreNoZero) {
  EXPECT_FALSE(same("1.6\\times 10^{-19}", "9.1\\times 10^{-31}"));
  EXPECT_TRUE(same("1.6\\times 10^{-19}", "16\\times 10^{-20}"));
  EXPECT_FALSE(same("e^{-50}", "e^{-60}"));
  EXPECT_FALSE(same("e^{-5000}", "e^{-5001}"));
  EXPECT_FALSE(same("(\\frac{1}{2})^{60}", "(\\frac{1}{2})^{61}"));
  EXPECT_FALSE(same("10^{-20}", "0"));
  EXPECT_FALSE(same("\\frac{\\pi}{10^{40}}", "0"));
  EXPECT_FALSE(same("\\frac{\\pi}{10^{40}}", "\\frac{2\\pi}{10^{40}}"));
  EXPECT_FALSE(same("0.0000003", "0.0000004"));
  EXPECT_FALSE(same("0.0000003", "0.0"));
  EXPECT_TRUE(same("0.0000003", "3 \\times 10^{-7}"));
  EXPECT_FALSE(same("0.0000003", "-0.0000003"));
}

TEST(Exact, IrrationalNumbersThatDifferLate) {
  EXPECT_FALSE(same("\\pi+10^{-200}", "\\pi"));
  EXPECT_FALSE(same("\\sqrt{10^{400}+1}", "10^{200}"));
  EXPECT_TRUE(same("\\sqrt{10^{400}}", "10^{200}"));
  EXPECT_FALSE(same("\\sqrt{2}-\\sqrt{2}+10^{-300}", "0"));
  EXPECT_TRUE(same("\\sqrt{2}-\\sqrt{2}", "0"));
}

TEST(Exact, WorkIsBounded) {
  const base::Stopwatch watch;
  EXPECT_FALSE(same("9^{9^{9}}", "9^{9^{9}}+1"));
  EXPECT_FALSE(same("9^{9^{9^{9}}}+1", "9^{9^{9^{9}}}"));
  EXPECT_FALSE(same("1000000!", "1000000!+1"));
  EXPECT_FALSE(same("99999!+\\sqrt{2}", "99999!+\\sqrt{3}"));
  EXPECT_FALSE(same("\\sqrt{2}^{1000000}", "\\sqrt{2}^{1000000}+1"));
  std::string sums;
  for (int i = 0; i < 900; ++i) sums += "99999! + ";
  same(sums + "1", sums + "2");
  EXPECT_LT(watch.elapsed_s(), 10) << "a second or two";
}

}  // namespace
}  // namespace muster::reward::math
