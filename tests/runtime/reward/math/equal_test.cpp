#include "runtime/reward/math/equal.h"

#include <gtest/gtest.h>

#include "runtime/base/clock.h"
#include "runtime/reward/math/parser.h"

namespace muster::reward::math {
namespace {

bool same(std::string_view gold, std::string_view answer, const EqualSettings& settings = {}) {
  const Expr a = parse_latex(gold), b = parse_latex(answer);
  EXPECT_TRUE(a && b) << gold << " " << answer;
  return a && b && equal(a, b, settings);
}

TEST(EqualValues, NumbersAreExactUnlessWrittenWithAPoint) {
  EXPECT_TRUE(same("\\frac{1}{2}", "\\frac{3}{6}"));
  EXPECT_TRUE(same("\\frac{1}{3}", "0.3333333"));
  EXPECT_FALSE(same("\\frac{1}{3}", "0.333"));
  EXPECT_TRUE(same("\\frac{1}{3}", "0.333", {.decimals = 3}));
  EXPECT_TRUE(same("\\sqrt{17}", "4.123105625617661"));
  EXPECT_FALSE(same("100000000000000000001", "100000000000000000002"));
  EXPECT_FALSE(same("0", "0.0000001")) << "an integer is not rounded";
  EXPECT_TRUE(same("1000", "1000.0"));
  EXPECT_TRUE(same("28\\%", "28"));
  EXPECT_TRUE(same("28\\%", "0.28"));
  EXPECT_FALSE(same("28\\%", "28", {.percent = false}));
  EXPECT_TRUE(same("\\infty", "\\infty"));
  EXPECT_FALSE(same("\\infty", "-\\infty"));
}

TEST(EqualValues, ConstantsAreCertain) {
  EXPECT_TRUE(same("\\sqrt{3+2\\sqrt{2}}", "1+\\sqrt{2}"));
  EXPECT_TRUE(same("\\frac{1}{\\sqrt{2}}", "\\frac{\\sqrt{2}}{2}"));
  EXPECT_TRUE(same("\\cos(\\frac{\\pi}{3})", "\\frac{1}{2}"));
  EXPECT_TRUE(same("\\log_2 8", "3"));
  EXPECT_TRUE(same("\\binom{5}{2}", "10"));
  EXPECT_TRUE(same("5!", "120"));
  EXPECT_TRUE(same("\\sum_{k=1}^{10} k", "55"));
  EXPECT_TRUE(same("\\lfloor 3.7 \\rfloor", "3"));
  EXPECT_TRUE(same("\\gcd(12, 18)", "6"));
  EXPECT_FALSE(same("4\\sqrt{2}", "4"));
  EXPECT_FALSE(same("e^{\\pi\\sqrt{163}}", "262537412640768744")) << "equal to 30 digits, but not equal";
}

TEST(EqualValues, SymbolsAreTriedAtPointsOfBothSigns) {
  EXPECT_TRUE(same("(x+1)^2", "x^2+2x+1"));
  EXPECT_FALSE(same("(x+1)^2", "x^2+2x+2"));
  EXPECT_TRUE(same("\\tan^2(y)+1", "\\sec^2(y)"));
  EXPECT_TRUE(same("\\sqrt{x^2}", "|x|"));
  EXPECT_FALSE(same("\\sqrt{x^2}", "x"));
  EXPECT_FALSE(same("x", "y"));
  EXPECT_TRUE(same("f(x)", "f(y)", {.strict = false}));
  EXPECT_TRUE(same("\\text{abc}", "abc"));
  EXPECT_FALSE(same("\\text{abc}", "abd"));
  EXPECT_TRUE(same("\\frac{x^2-1}{x-1}", "x+1"));
}

TEST(EqualValues, MatricesCellByCell) {
  EXPECT_TRUE(same("\\begin{pmatrix}\\frac{1}{2}&1\\end{pmatrix}", "\\begin{bmatrix}0.5&1\\end{bmatrix}"));
  EXPECT_TRUE(
      same("\\begin{pmatrix}6&8\\end{pmatrix}", "\\begin{pmatrix}1&2\\end{pmatrix}+\\begin{pmatrix}5&6\\end{pmatrix}"));
  EXPECT_TRUE(same("\\begin{pmatrix}2\\\\4\\end{pmatrix}", "2\\begin{pmatrix}1\\\\2\\end{pmatrix}"));
  EXPECT_FALSE(same("\\begin{pmatrix}1&2\\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"));
}

TEST(EqualSets, OrderAndEndsCountWhereTheyShould) {
  EXPECT_TRUE(same("\\{1,2,3\\}", "3,1,2"));
  EXPECT_FALSE(same("(1,2,3)", "(3,1,2)"));
  EXPECT_FALSE(same("(1,3)", "\\{1,3\\}")) << "a pair or an interval is no set of two";
  EXPECT_FALSE(same("\\{1,3\\}", "(1,3)"));
  EXPECT_TRUE(same("(1,3)", "1,3"));
  EXPECT_FALSE(same("(3,1)", "\\{1,3\\}"));
  EXPECT_FALSE(same("[0,1)", "(0,1)"));
  EXPECT_TRUE(same("[0,\\frac{1}{2})", "[0,0.5)"));
  EXPECT_TRUE(same("\\{5\\}", "5"));
  EXPECT_TRUE(same("(-\\infty,0)\\cup(0,\\infty)", "\\mathbb{R}\\setminus\\{0\\}"));
  EXPECT_TRUE(same("[1,2]\\cup[2,3]", "[1,3]"));
  EXPECT_FALSE(same("[1,2)\\cup(2,3]", "[1,3]"));
  EXPECT_TRUE(same("(0,2)\\cap(1,3)", "(1,2)"));
}

TEST(EqualRelations, EquationsUpToAFactorInequalitiesTurned) {
  EXPECT_TRUE(same("x=5", "5"));
  EXPECT_TRUE(same("5", "x=5"));
  EXPECT_FALSE(same("x=5", "y=5"));
  EXPECT_FALSE(same("2x=10", "10"));
  EXPECT_TRUE(same("2x+4y-3=0", "y=-\\frac{1}{2}x+\\frac{3}{4}"));
  EXPECT_TRUE(same("x^2/4 + y^2/3 = 1", "x^2/16 + y^2/12 = 1/4"));
  EXPECT_FALSE(same("x^2+y^2=1", "x^2+y^2=2"));
  EXPECT_TRUE(same("3x=6", "x-2=0"));
  EXPECT_FALSE(same("x=2", "3x=6")) << "still to be solved";
  EXPECT_TRUE(same("x<1", "-x>-1"));
  EXPECT_FALSE(same("x<1", "x>-1"));
  EXPECT_TRUE(same("1<x<2", "1<x<2"));
  EXPECT_TRUE(same("z=1+1=2", "z=3-1=2"));
}

TEST(EqualRelations, ARelationMeetsTheSetOfItsSolutions) {
  EXPECT_TRUE(same("1<x\\le 2", "(1,2]"));
  EXPECT_FALSE(same("(1,2]", "1<x\\le 2"));
  EXPECT_TRUE(same("(1,2]", "1<x\\le 2", {.relation_as_set = true}));
  EXPECT_TRUE(same("x^2<2", "(-\\sqrt{2},\\sqrt{2})"));
  EXPECT_TRUE(same("x>\\sqrt{2}", "(\\sqrt{2},\\infty)"));
  EXPECT_TRUE(same("\\frac{1}{x}>0", "(0,\\infty)"));
  EXPECT_FALSE(same("x^2\\le 4", "(-2,2)"));
  EXPECT_TRUE(same("|x-1|<2", "(-1,3)"));
}

TEST(Equal, HostileValuesEndSoon) {
  const base::Stopwatch watch;
  for (const char* latex : {"9^{9^{9^{9^{9}}}}", "2^{2^{2^{2^{2^{2^{2}}}}}}", "99999999999!", "\\binom{10^{10}}{10^9}",
                            "10^{10^{10}}-10^{10^{10}}", "\\sum_{k=1}^{1000}\\sum_{j=1}^{1000}\\sum_{i=1}^{1000} i",
                            "x^{10^{10^{10}}}", "(1+x)^{10^9}", "\\sin(10^{10^{10}})", "e^{e^{e^{e^{e}}}}",
                            "10^{-10^{10}}", "((x+1)^{40})^{40}=0", "\\gcd(10^{9999},10^{9998})"}) {
    const Expr expr = parse_latex(latex), other = parse_latex("7"), name = parse_latex("x"), set = parse_latex("(0,1)");
    ASSERT_TRUE(expr) << latex;
    for (const Expr& each : {other, name, set}) {
      equal(each, expr, {});
      equal(expr, each, {});
    }
  }
  EXPECT_LT(watch.elapsed_s(), 20);
}

}  // namespace
}  // namespace muster::reward::math
