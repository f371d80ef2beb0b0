#include "runtime/reward/math/extract.h"

#include <gtest/gtest.h>

#include "runtime/base/clock.h"

namespace muster::reward::math {
namespace {

std::string found(std::string_view text) {
  const Extracted extracted = extract_answer(text);
  return extracted.value ? extracted.text : "none";
}

TEST(Extract, FollowsTheOrderOfPlaces) {
  EXPECT_EQ(found("Final Answer: The final answer is $3$. I hope it is correct. \\boxed{4} answer: $5$ $6$"), "3");
  EXPECT_EQ(found("so \\boxed{4}, not $5$"), "4");
  EXPECT_EQ(found("$1$. The answer: $5$. Check: $5 + 0 = 5$."), "5");
  EXPECT_EQ(found("we see $1$ and then $2$."), "2") << "of equals the last";
  EXPECT_EQ(found("we see $1$ and $2$."), "1 and 2") << "joined formulas are one answer";
  EXPECT_EQ(found("it is $1$, or 2"), "2");
  EXPECT_EQ(found("it costs $5.50 in all"), "5.50");
  EXPECT_EQ(found("nothing at all"), "none");
  EXPECT_EQ(found(""), "none");
}

TEST(Extract, NumbersInRunningText) {
  EXPECT_EQ(found("it is 1,234.5 of them"), "1234.5");
  EXPECT_EQ(found("so x = -3"), "-3");
  EXPECT_EQ(found("it is 1.5e3 of them"), "1.5e3");
  EXPECT_EQ(found("it is 2,1000 of them"), "2.1000") << "no thousands";
  EXPECT_EQ(found("#### 42\nCheck: 42 - 40 = 2."), "42");
  EXPECT_EQ(found("AZYUK2A"), "none");
  EXPECT_EQ(text_of(extract_answer("**42**").value), text_of(make_number(Rational(42, 1))));
  EXPECT_EQ(found("7 is 3 + 4"), "4") << "who repeats the question has not answered it";
  EXPECT_EQ(found("Answer: 3 + 4"), "3 + 4");
}

TEST(Extract, FormulasWithoutSignsAroundThem) {
  EXPECT_EQ(found("x = -3"), "x = -3") << "the whole text";
  EXPECT_EQ(found("The answer is pi/2."), "\\pi/2");
  EXPECT_EQ(found("Answer: 3x + 2\nThat is all."), "3x + 2");
  EXPECT_EQ(found("The answer is 3x + 2, so we are done."), "3x + 2");
  EXPECT_EQ(found("The answer is a prime, 7."), "7");
  EXPECT_EQ(found("The answer is 5, because 2 + 3 = 5."), "5");
  EXPECT_EQ(found("9 + 12"), "none") << "a sum that stands alone is the question";
  EXPECT_EQ(found("x + 1 is a sum of x and 1"), "1");
}

TEST(Extract, ABoxThatIsTakenBackLoses) {
  EXPECT_EQ(found("So \\boxed{3}. No, that is wrong. The answer is 7."), "7");
  EXPECT_EQ(found("So \\boxed{3}. Wait, the answer needs no unit."), "3") << "and no other answer follows";
  EXPECT_EQ(found("So \\boxed{3}. The answer is not 7."), "3");
}

TEST(Extract, UnitsAndLettersOfChoicesAreKeptApart) {
  EXPECT_EQ(extract_gold("$5\\text{ cm}$").unit, "cm");
  EXPECT_EQ(extract_answer("\\boxed{5\\text{ apples}}").unit, "");
  EXPECT_EQ(extract_gold("$\\textbf{(D)}\\ 36$").label, 'D');
  EXPECT_EQ(extract_gold("$\\textbf{(D)}\\ 36$").text, "36");
}

TEST(Extract, ABareGoldAnswerIsReadAsAWhole) {
  EXPECT_EQ(extract_gold("2\\sqrt{3}").text, "2\\sqrt{3}");
  EXPECT_EQ(extract_gold("x^2+1").text, "x^2+1");
  EXPECT_EQ(extract_gold("(-2, 3)").text, "(-2, 3)");
  EXPECT_EQ(extract_gold("The answer is 5").text, "5");
  EXPECT_EQ(extract_gold("so $x=5$ holds").text, "x=5");
}

TEST(Extract, HostileTextEndsSoon) {
  const base::Stopwatch watch;
  for (const char* part : {"$",
                           "\\(",
                           "\\[",
                           "\\boxed{",
                           "answer",
                           "answer: ",
                           "final answer is ",
                           "1",
                           "1+",
                           "1 ",
                           "$1$,",
                           "$\\boxed{",
                           "[ ",
                           "\\frac{1}",
                           "=1",
                           " ,and",
                           "1,111",
                           "$$",
                           "answer = ",
                           "**a ",
                           "__a ",
                           "*a ",
                           "\\text{",
                           "\\textbf{a",
                           "√(",
                           "½",
                           "~~",
                           "`",
                           "answer is x + ",
                           "#### x",
                           "\\boxed{} ",
                           "(1)_",
                           "5 m"}) {
    std::string text;
    while (text.size() < 100'000) text += part;
    extract_answer(text);
  }
  EXPECT_LT(watch.elapsed_s(), 10) << "a fraction of a second; minutes where the way is quadratic";
}

}  // namespace
}  // namespace muster::reward::math
