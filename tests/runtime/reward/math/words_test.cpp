#include "runtime/reward/math/words.h"

#include <gtest/gtest.h>

namespace muster::reward::math {
namespace {

TEST(Words, FormulasAsTheyStand) {
  for (const char* formula :
       {"pi/2", "3x + 2", "2ab", "(1, 2)", "x >= 3", "sqrt(5)", "\\frac{1}{2}", "1/2", "x^2 or 3"})
    EXPECT_TRUE(is_bare_formula(formula)) << formula;
  for (const char* other : {"", "12", "-3.5", "50%", "1e-7", "a prime", "3 cm", "5 because", "x", "\\boxed{3}", "$3$"})
    EXPECT_FALSE(is_bare_formula(other)) << other;
}

TEST(Words, GetTheirBackslash) {
  EXPECT_EQ(with_math_commands("2pi + sqrt(3)"), "2\\pi + \\sqrt(3)");
  for (const char* same : {"\\pi", "\\arcsin x", "\\text{pi}", "\\operatorname{sin}", "spin", "x+y"})
    EXPECT_EQ(with_math_commands(same), same);
}

}  // namespace
}  // namespace muster::reward::math
