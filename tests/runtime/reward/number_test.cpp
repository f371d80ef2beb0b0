#include "runtime/reward/number.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/base/clock.h"

namespace muster::reward {
namespace {

bool same(const std::string& a, const std::string& b, bool percent = true) {
  const auto left = whole_number(a), right = whole_number(b);
  EXPECT_TRUE(left) << a;
  EXPECT_TRUE(right) << b;
  return left && right && same_number(*left, *right, percent);
}

TEST(WholeNumber, IsExactWhateverItsForm) {
  EXPECT_TRUE(same("7", "7.0"));
  EXPECT_TRUE(same("007", "7"));
  EXPECT_TRUE(same("+7", "7"));
  EXPECT_TRUE(same("1,234,567.50", "1234567.5"));
  EXPECT_TRUE(same("1 000", "1000"));
  EXPECT_TRUE(same("1{,}000", "1000"));
  EXPECT_TRUE(same("1\\,000", "1000"));
  EXPECT_TRUE(same("3/4", "0.75"));
  EXPECT_TRUE(same("6/8", "\\frac{3}{4}"));
  EXPECT_TRUE(same("\\dfrac{-3}{4}", "-\\frac34"));
  EXPECT_TRUE(same("1\\frac{1}{2}", "1.5"));
  EXPECT_TRUE(same("-1\\frac{1}{2}", "-3/2"));
  EXPECT_TRUE(same("\u22125", "-5"));
  EXPECT_TRUE(same(".5", "1/2"));
  EXPECT_TRUE(same("2.5e-3", "0.0025"));
  EXPECT_TRUE(same("3 \\times 10^{8}", "300000000"));
  EXPECT_TRUE(same("-0", "0"));
  EXPECT_FALSE(same("0.333", "1/3"));
  EXPECT_FALSE(same("7", "-7"));
  EXPECT_FALSE(same("100000000000000000000000000000000000000001", "100000000000000000000000000000000000000000"));
  EXPECT_TRUE(same("100000000000000000000000000000000000000002/2", "50000000000000000000000000000000000000001"));
}

TEST(WholeNumber, DressDoesNotCount) {
  for (const char* text : {" 42 ", "$42$", "\\$42", "42.", "x = 42", "\\(42\\)", "42 \\text{ cm}", "42^\\circ", "{42}",
                           "\\left 42 \\right", "42\u00b0", "42\\mathrm{kg}"})
    EXPECT_TRUE(same(text, "42")) << text;
}

TEST(WholeNumber, APercentSignIsFreeUnlessToldOtherwise) {
  EXPECT_TRUE(same("50%", "50"));
  EXPECT_TRUE(same("50\\%", "0.5"));
  EXPECT_TRUE(same("0.5", "50 %"));
  EXPECT_TRUE(same("50%", "50%"));
  EXPECT_FALSE(same("50%", "50", false));
  EXPECT_TRUE(same("50%", "0.5", false));
  EXPECT_FALSE(same("50%", "5"));
}

TEST(WholeNumber, OtherTextIsNone) {
  for (const char* text : {"", " ", "x", "7x", "1/0", "\\frac{1}{0}", "1/", "--5", "1 00", "1,00", "\\frac{1}",
                           "\\frac{1}{x}", "e5", "1e", "(1,2)", "1e99999999999999999999", "\xFF", "\\"})
    EXPECT_FALSE(whole_number(text)) << text;
}

bool last_is(const std::string& text, const std::string& number) {
  const auto found = last_number(text);
  return found && same_number(*found, *whole_number(number), true);
}

TEST(LastNumber, IsFoundInRunningText) {
  EXPECT_TRUE(last_is("3 + 4 = 7.", "7"));
  EXPECT_TRUE(last_is("The answer is 7!", "7"));
  EXPECT_TRUE(last_is("5-3", "3")) << "a minus between numbers is no sign";
  EXPECT_TRUE(last_is("it is -3", "-3"));
  EXPECT_TRUE(last_is("x=-3", "-3"));
  EXPECT_TRUE(last_is("(4)-3", "3"));
  EXPECT_TRUE(last_is("1,234.5 in all", "1234.5"));
  EXPECT_TRUE(last_is("take 3 123", "123")) << "a space groups only where nothing else can stand";
  EXPECT_TRUE(last_is("that is \\frac{22}{7}", "22/7"));
  EXPECT_TRUE(last_is("\\frac{22}{x}", "22"));
  EXPECT_TRUE(last_is("half is 1/2 of it", "1/2"));
  EXPECT_TRUE(last_is("1, 2, 3", "3"));
  EXPECT_TRUE(last_is("answer7", "7"));
  EXPECT_TRUE(last_is("50% done", "0.5"));
  EXPECT_FALSE(last_number("none at all."));
  EXPECT_FALSE(last_number(""));
}

TEST(LastNumber, HostileTextEndsSoon) {
  const base::Stopwatch watch;
  const auto repeated = [](const std::string& part, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += part;
    return text;
  };
  EXPECT_FALSE(last_number(repeated("1", 1'000'000)));
  EXPECT_FALSE(last_number("1" + repeated(",111", 300'000)));
  EXPECT_TRUE(last_number(repeated("1", 1'000'000) + " 7"));
  EXPECT_TRUE(last_number(repeated("\\frac{1", 200'000)));
  EXPECT_TRUE(last_number(repeated("1/", 500'000)));
  EXPECT_TRUE(last_number(repeated("9e9999 ", 10)));
  EXPECT_FALSE(last_number(repeated("-", 1'000'000)));
  EXPECT_FALSE(last_number(repeated("\\", 1'000'000)));
  EXPECT_FALSE(last_number(repeated(".", 1'000'000)));
  EXPECT_TRUE(last_number("1" + repeated(" ", 1'000'000)));
  EXPECT_LT(watch.elapsed_s(), 30) << "a fraction of a second; minutes where the way is quadratic";
}

}  // namespace
}  // namespace muster::reward
