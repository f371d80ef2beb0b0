#include "runtime/reward/math/units.h"

#include <gtest/gtest.h>

namespace muster::reward::math {
namespace {

std::string text(const char* given) { return without_unit(given).text; }
std::string unit(const char* given) { return without_unit(given).unit; }

TEST(Units, WordsInTextAreTakenOffAndKnown) {
  EXPECT_EQ(text("5\\text{ cm}"), "5");
  EXPECT_EQ(unit("5\\text{ cm}"), "cm");
  EXPECT_EQ(unit("5\\text{ centimeters}"), "cm");
  EXPECT_EQ(unit("5\\text{ square Feet}"), "foot");
  EXPECT_EQ(unit("5\\text{ m}^2"), "m");
  EXPECT_EQ(text("60\\,\\text{km}/\\text{h}"), "60");
  EXPECT_EQ(unit("60\\,\\text{km}/\\text{h}"), "km/hour");
  EXPECT_EQ(text("7\\text{ apples}"), "7");
  EXPECT_EQ(unit("7\\text{ apples}"), "") << "no measure";
  EXPECT_EQ(text("\\text{cm}"), "\\text{cm}") << "a unit alone is no unit";
  EXPECT_EQ(text("1-\\frac{1}{\\text{e}}"), "1-\\frac{1}{\\text{e}}");
}

TEST(Units, BareWordsBehindANumber) {
  EXPECT_EQ(text("35 cm"), "35");
  EXPECT_EQ(text("35cm"), "35");
  EXPECT_EQ(text("35 km/h"), "35");
  EXPECT_EQ(text("35 m"), "35");
  EXPECT_EQ(text("12 cm^2"), "12");
  EXPECT_EQ(text("4 apples"), "4");
  EXPECT_EQ(text("5 dollars"), "5");
  EXPECT_EQ(text("\\frac{1}{2} hours"), "\\frac{1}{2}");
  EXPECT_EQ(text("4th"), "4");
}

TEST(Units, LettersAreNone) {
  for (const char* same : {"2ab", "2m", "3t", "x^2 d", "x^2 m", "\\frac{L}{2}g", "4\\pi l", "3xyz", "2 t", "5"})
    EXPECT_EQ(text(same), same);
}

TEST(Units, OnlyKnownOnesDiffer) {
  EXPECT_TRUE(units_differ("cm", "m"));
  EXPECT_FALSE(units_differ("cm", "cm"));
  EXPECT_FALSE(units_differ("cm", ""));
  EXPECT_FALSE(units_differ("", ""));
}

}  // namespace
}  // namespace muster::reward::math
