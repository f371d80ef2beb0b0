#include "runtime/reward/choice.h"

#include <gtest/gtest.h>

namespace muster::reward {
namespace {

TEST(ChosenLetter, IsFoundWhereAnAnswerSaysIt) {
  for (const char* answer : {"B",
                             " b ",
                             "(B)",
                             "B.",
                             "B. Paris",
                             "B) Paris",
                             "**B**",
                             "\\boxed{B}",
                             "$\\boxed{\\text{(B)}}$",
                             "The answer is B.",
                             "the answer is (B)",
                             "A is wrong, so the answer is: **B**",
                             "I choose B",
                             "Answer: B",
                             "`B`",
                             "*B*",
                             "\\boxed{\\textbf{(B)}\\ 36}",
                             "\\boxed{\\mathbf{B}}",
                             "Answer: **(B)**",
                             "the answer is b",
                             "Ｂ",
                             "A is too small.\nC is too large.\n\nB",
                             "First I thought answer: A, but the answer is B."})
    EXPECT_EQ(chosen_letter(answer), 'B') << answer;
}

TEST(ChosenLetter, OtherwiseThereIsNone) {
  for (const char* answer : {"", "Paris", "Bravo", "It's Paris", "the answer is Paris", "\\boxed{}", "\\boxed{Paris}",
                             "7", "The answer is a prime number."})
    EXPECT_EQ(chosen_letter(answer), std::nullopt) << answer;
}

}  // namespace
}  // namespace muster::reward
