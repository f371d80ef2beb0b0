#include "runtime/reward/math/parser.h"

#include <gtest/gtest.h>

#include "runtime/base/clock.h"

namespace muster::reward::math {
namespace {

Kind kind_of(std::string_view latex) {
  const Expr expr = parse_latex(latex);
  EXPECT_TRUE(expr) << latex;
  return expr ? expr->kind : Kind::named_set;
}

bool same(std::string_view a, std::string_view b) {
  const Expr left = parse_latex(a), right = parse_latex(b);
  EXPECT_TRUE(left && right) << a << " " << b;
  return left && right && same_form(left, right);
}

TEST(Parser, KnowsTheKindsOfAnswers) {
  EXPECT_EQ(kind_of("7"), Kind::number);
  EXPECT_EQ(kind_of("7.0"), Kind::decimal);
  EXPECT_EQ(kind_of("\\frac{3}{4}"), Kind::number);
  EXPECT_EQ(kind_of("12\\%"), Kind::percent);
  EXPECT_EQ(kind_of("x+1"), Kind::add);
  EXPECT_EQ(kind_of("x=1"), Kind::relation);
  EXPECT_EQ(kind_of("1 < x \\le 3"), Kind::chain);
  EXPECT_EQ(kind_of("1,2"), Kind::finite_set);
  EXPECT_EQ(kind_of("\\{1,2\\}"), Kind::finite_set);
  EXPECT_EQ(kind_of("1 \\pm \\sqrt{2}"), Kind::finite_set);
  EXPECT_EQ(kind_of("(1,2)"), Kind::interval);
  EXPECT_EQ(kind_of("(2,1)"), Kind::tuple) << "no interval ends before it begins";
  EXPECT_EQ(kind_of("(1,2,3)"), Kind::tuple);
  EXPECT_EQ(kind_of("[0,1) \\cup \\{5\\}"), Kind::set_union);
  EXPECT_EQ(kind_of("\\mathbb{R} \\setminus \\{0\\}"), Kind::difference);
  EXPECT_EQ(kind_of("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}"), Kind::matrix);
  EXPECT_EQ(kind_of("f(x)"), Kind::call);
}

TEST(Parser, ReadsWhatIsMeant) {
  EXPECT_TRUE(same("2\\frac{1}{3}", "\\frac{7}{3}")) << "a mixed number";
  EXPECT_TRUE(same("-2\\frac{1}{3}", "\\frac{-7}{3}"));
  EXPECT_TRUE(same("1,234,567", "1234567"));
  EXPECT_TRUE(same("007", "7"));
  EXPECT_TRUE(same("A", "a")) << "names have no case";
  EXPECT_TRUE(same("x \\approx 3.1", "3.1"));
  EXPECT_TRUE(same("\\frac{1}{3} \\approx 0.33", "\\frac{1}{3}"));
  EXPECT_TRUE(same("204_5", "54")) << "the base counts";
  EXPECT_FALSE(same("204_5", "204"));
  EXPECT_FALSE(same("204_3", "204")) << "3 has no digit 4";
  EXPECT_TRUE(same("90^\\circ", "90"));
  EXPECT_TRUE(same("\\{1, 2, 2\\}", "\\{2, 1\\}"));
  EXPECT_FALSE(same("1/2x", "x/2")) << "1 / (2x)";
  EXPECT_TRUE(same("\\sin 2x", "\\sin(2x)"));
  EXPECT_FALSE(same("\\sin x \\cos y", "\\sin(x\\cos y)"));
  EXPECT_EQ(kind_of("x=1,y=2"), Kind::finite_set);
  EXPECT_EQ(kind_of("x=1,2"), Kind::relation);
}

TEST(Parser, OtherTextIsNone) {
  for (const char* latex : {"", "+", "1+", "(1", "\\frac{1}{0}", "\\frac{1}", "1)", "x^",
                            "\\begin{pmatrix}1&2\\\\3\\end{pmatrix}", "{", "\\sqrt", "1 2 ]", "=", "\\left", "{\\"})
    EXPECT_FALSE(parse_latex(latex)) << latex;
}

TEST(Parser, HostileTextEndsSoon) {
  const base::Stopwatch watch;
  for (const char* part : {"(",          "{",       "[",      "\\{",      "|",
                           "((1,2),",    "-",       "x^",     "x^{",      "x_",
                           "\\sqrt{",    "\\frac{", "f(",     "1,",       "x=",
                           "\\sin",      "!",       "x!",     "^",        "\\cup",
                           "(1,2)\\cup", "1+",      "\\{1,",  "\\binom{", "\\begin{matrix}",
                           "|x|",        "x^2^",    "\\sin(", "1:"}) {
    for (const std::size_t times : {100U, 1000U, 6000U}) {
      std::string text;
      while (text.size() < times) text += part;
      parse_latex(text);
      parse_latex(text + "1");
    }
  }
  EXPECT_LT(watch.elapsed_s(), 20) << "a second or two; for ever where a rule is tried again and again";
}

}  // namespace
}  // namespace muster::reward::math
