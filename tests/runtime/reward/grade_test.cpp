#include "runtime/reward/grade.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::reward {
namespace {

TEST(Exact, ComparesTheWholeAnswer) {
  EXPECT_EQ(grade("exact", " 4321\n", "4321"), (Grade{1, Outcome::graded}));
  EXPECT_EQ(grade("exact", "43211", "4321").reward, 0);
  EXPECT_EQ(grade("exact", "the 4321", "4321").reward, 0);
  EXPECT_EQ(grade("exact", "", "").reward, 1);
  EXPECT_EQ(grade("exact", "Yes", "yes").reward, 0);
  EXPECT_EQ(grade("exact", "Yes", "yes", {.ignore_case = true}).reward, 1);
  EXPECT_EQ(grade("exact", "a ", "a", {.trim = false}).reward, 0);
  EXPECT_EQ(grade("exact", std::string("a\0b", 3), std::string("a\0c", 3)).reward, 0);
}

TEST(Math, TheBoxCountsBeforeTheLastNumber) {
  EXPECT_EQ(grade("math", "we get \\boxed{7}, not 8", "7").reward, 1);
  EXPECT_EQ(grade("math", "we get \\boxed{8}, not 7", "7").reward, 0);
  EXPECT_EQ(grade("math", "we get \\boxed{nothing}, but 7", "7").reward, 0);
  EXPECT_EQ(grade("math", "first \\boxed{7}, then cut off at \\boxed{8", "7").reward, 1);
}

TEST(Math, TheLastNumberCountsWithoutABox) {
  EXPECT_EQ(grade("math", "3 + 4 = 7.", "7").reward, 1);
  EXPECT_EQ(grade("math", "7 is 3 + 4", "7").reward, 0);
  EXPECT_EQ(grade("math", "seven", "7").reward, 0);
  EXPECT_EQ(grade("math", "", "7").reward, 0);
  EXPECT_EQ(grade("math", "so 0.75", "\\frac{3}{4}").reward, 1);
  EXPECT_EQ(grade("math", "so 75%", "0.75").reward, 1);
  EXPECT_EQ(grade("math", "so 75%", "75", {.percent = false}).reward, 0);
  EXPECT_EQ(grade("math", "it is 7", "\\boxed{7}").reward, 1);
}

TEST(Math, AGoldAnswerThatIsNoNumberIsComparedAsText) {
  EXPECT_EQ(grade("math", "so \\boxed{x^2 + 1}", "x^2+1").reward, 1);
  EXPECT_EQ(grade("math", "so \\boxed{x^2}", "x^2+1").reward, 0);
  EXPECT_EQ(grade("math", "", "").reward, 0) << "an empty gold answer is met by nothing";
}

TEST(Regex, TheFirstGroupOfTheLastMatchIsTheAnswer) {
  const GradeSettings settings{.pattern = "<answer>\\s*(.*?)\\s*</answer>"};
  EXPECT_EQ(grade("regex", "<answer>6</answer> no, <answer> 7 </answer>", "7", settings).reward, 1);
  EXPECT_EQ(grade("regex", "<answer>7</answer> no, <answer>6</answer>", "7", settings).reward, 0);
  EXPECT_EQ(grade("regex", "7", "7", settings).reward, 0);
  EXPECT_EQ(grade("regex", "<answer>x</answer>", "", settings).reward, 1) << "without a gold answer it has to be there";
  EXPECT_EQ(grade("regex", "it is 7", "7", {.pattern = "\\d"}).reward, 1) << "without a group the whole match counts";
  EXPECT_EQ(grade("regex", std::string(60, 'a') + "!", "a", {.pattern = "^(a+)+$"}).outcome, Outcome::failed);
  EXPECT_THROW(grade("regex", "a", "a", {.pattern = "("}), Error);
  EXPECT_THROW(grade("regex", "a", "a"), Error);
}

TEST(Choice, TheLettersAreCompared) {
  EXPECT_EQ(grade("choice", "so the answer is (B)", "B").reward, 1);
  EXPECT_EQ(grade("choice", "so the answer is (C)", "B").reward, 0);
  EXPECT_EQ(grade("choice", "no idea", "B").reward, 0);
  EXPECT_EQ(grade("choice", "no idea", "no idea").reward, 0);
}

TEST(Gold, WhatNoReplyCanMeetIsNamed) {
  for (const char* good : {"7", "\\$36", "x^2+1", "Paris", "\\text{no}", "\\int_0^1 x dx", "答え", "#### 5", "1e-07"})
    EXPECT_EQ(why_unreadable("math", good), std::nullopt) << good;
  for (const char* bad : {"", "  ", "?", "...", "$$", "[]", "The capital of France is Paris."})
    EXPECT_TRUE(why_unreadable("math", bad)) << bad;
  EXPECT_EQ(*why_unreadable("math", "?"), "the gold answer '?' is no number or formula that math can read");
  EXPECT_EQ(*why_unreadable("math", " "), "the gold answer is empty, and math needs one");
  EXPECT_EQ(why_unreadable("choice", "(B)"), std::nullopt);
  EXPECT_TRUE(why_unreadable("choice", "42"));
  EXPECT_EQ(why_unreadable("exact", ""), std::nullopt);
  EXPECT_EQ(why_unreadable("command", "?"), std::nullopt);
}

TEST(Grade, AnUnknownKindIsRefusedAndTestKindsNeedLeave) {
  EXPECT_THROW(grade("vibes", "a", "a"), Error);
  EXPECT_THROW(grade("sleep", "0", ""), Error);
  EXPECT_EQ(grade("sleep", "0", "", {.allow_test_kinds = true}).reward, 1);
}

TEST(Outcome, NamesGoThereAndBack) {
  for (const Outcome outcome : {Outcome::graded, Outcome::timeout, Outcome::failed})
    EXPECT_EQ(parse_outcome(outcome_name(outcome)), outcome);
  EXPECT_THROW(parse_outcome("fine"), Error);
}

}  // namespace
}  // namespace muster::reward
