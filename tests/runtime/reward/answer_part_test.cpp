#include "runtime/reward/answer_part.h"

#include <gtest/gtest.h>

#include "runtime/reward/grade.h"

namespace muster::reward {
namespace {

std::string part(std::string_view reply, bool in_thinking = false) {
  const auto found = answer_part(reply, usual_thinking_tags(), in_thinking);
  return found ? std::string(*found) : "none";
}

TEST(AnswerPart, IsWhatStandsBehindTheLastClosedThinking) {
  EXPECT_EQ(part("no tags at all"), "no tags at all");
  EXPECT_EQ(part("<think>5</think>7"), "7");
  EXPECT_EQ(part("5</think>7"), "7") << "the template has opened it in the prompt";
  EXPECT_EQ(part("<think>5</think>6<think>no</think>7"), "7");
  EXPECT_EQ(part("<think>a <think> b </think> c</think>7"), "7");
  EXPECT_EQ(part("<thinking>5</thinking>7"), "7");
  EXPECT_EQ(part("<Thought>5</THOUGHT>7"), "7");
  EXPECT_EQ(part("[THINK]5[/THINK]7"), "7");
  EXPECT_EQ(part("◁think▷5◁/think▷7"), "7");
  EXPECT_EQ(part("<thinker>5</thinker>7"), "<thinker>5</thinker>7") << "another name";
  EXPECT_EQ(part("<think>5</think>"), "");
}

TEST(AnswerPart, AnUnclosedThinkingHasNoAnswer) {
  EXPECT_EQ(part("<think>\\boxed{7}"), "none");
  EXPECT_EQ(part("<think>5</think>7<think>\\boxed{7}"), "none");
  EXPECT_EQ(part("<think>a<reasoning>b</reasoning>7"), "none") << "the outer block is still open";
  EXPECT_EQ(part("\\boxed{7} and then", true), "none") << "opened in the prompt, never closed";
  EXPECT_EQ(part("5</think>7", true), "7");
  EXPECT_EQ(part("<answer>7</answer> <think>"), "none");
}

TEST(AnswerPart, WithinAnswerTagsWhereThereAreSome) {
  EXPECT_EQ(part("<think>12*40</think><answer>480</answer>"), "480");
  EXPECT_EQ(part("<answer>480</answer> It is 12 times 40."), "480");
  EXPECT_EQ(part("<answer>1</answer> no, <ANSWER>2</Answer>"), "2") << "the last one";
  EXPECT_EQ(part("<answer>480</answer> as asked, in <answer></answer>"), "480") << "an empty one does not win";
  EXPECT_EQ(part("<answer>480"), "480") << "cut off";
  EXPECT_EQ(part("480</answer>"), "480");
  EXPECT_EQ(part("<answer></answer>"), "");
  EXPECT_EQ(part("<think><answer>5</answer></think>7"), "7") << "tags within the thinking do not count";
  EXPECT_EQ(part("[answer]5[/answer] 7"), "[answer]5[/answer] 7");
}

TEST(AnswerPart, HostileTextEndsSoon) {
  std::string text;
  while (text.size() < 2'000'000) text += "<think></think><answer><<[[◁◁";
  EXPECT_FALSE(part(text).empty());
}

TEST(AnswerPart, APromptMayOpenTheThinking) {
  EXPECT_TRUE(opens_thinking("<|assistant|>\n<think>\n", usual_thinking_tags()));
  EXPECT_FALSE(opens_thinking("<|assistant|>\n<think>\n\n</think>\n\n", usual_thinking_tags()));
  EXPECT_FALSE(opens_thinking("Reason within <think> and </think>.", usual_thinking_tags()));
  EXPECT_FALSE(opens_thinking("Begin with <think>, then answer.", usual_thinking_tags()));
  EXPECT_FALSE(opens_thinking("", usual_thinking_tags()));
  EXPECT_FALSE(opens_thinking("<think>", {}));
}

TEST(AnswerPart, EveryBuiltInKindGradesIt) {
  const std::string reply = "<think>\\boxed{5} or (A), 5</think> B";
  EXPECT_EQ(grade("exact", reply, "B").reward, 1);
  EXPECT_EQ(grade("exact", "<think>x</think><answer>480</answer>", "480").reward, 1);
  EXPECT_EQ(grade("choice", reply, "B").reward, 1);
  EXPECT_EQ(grade("choice", "<think>The answer is A.</think> B", "A").reward, 0);
  EXPECT_EQ(grade("regex", "<think>x=5</think> x=7", "5", {.pattern = "x=(\\d)"}).reward, 0);
  EXPECT_EQ(grade("regex", "<think>x=5", "5", {.pattern = "x=(\\d)"}), (Grade{0, Outcome::graded}));
  EXPECT_EQ(grade("math", "<think>First guess: \\boxed{5}.</think> The answer is 7.", "5").reward, 0);
  EXPECT_EQ(grade("math", "<think>First guess: \\boxed{5}.</think> The answer is 7.", "7").reward, 1);
  EXPECT_EQ(grade("math", "<think>\\boxed{7}", "7"), (Grade{0, Outcome::graded}));
  EXPECT_EQ(grade("math", "so \\boxed{7}", "7", {.in_thinking = true}).reward, 0);
}

TEST(AnswerPart, TheWholeReplyCountsOnRequest) {
  const std::string reply = "<think>\\boxed{5}</think> The answer is 7.";
  EXPECT_EQ(grade("math", reply, "5", {.after_thinking = false}).reward, 1);
  EXPECT_EQ(grade("math", "<note>\\boxed{5}</note> The answer is 7.", "7", {.thinking_tags = {"note"}}).reward, 1);
  EXPECT_EQ(grade("math", reply, "7", {.thinking_tags = {"note"}}).reward, 0) << "think is no tag then";
}

TEST(AnswerPart, APatternThatNamesATagIsAboutTheForm) {
  EXPECT_EQ(grade("regex", "<think>x</think>7", "", {.pattern = "^<think>.*</think>"}).reward, 1);
  EXPECT_EQ(grade("regex", "<think>x</think>7", "<think>", {.pattern = "(</?think>)"}).reward, 0);
  EXPECT_EQ(grade("regex", "<think>x</think>7", "</think>", {.pattern = "(</?think>)"}).reward, 1);
  EXPECT_EQ(grade("regex", "<think>x", "", {.pattern = "</(think|reasoning)>"}).reward, 0);
  EXPECT_TRUE(names_tags("\\[\\/THINK\\]", usual_thinking_tags()));
  EXPECT_TRUE(names_tags("<answer>(.*)</answer>", usual_thinking_tags()));
  EXPECT_FALSE(names_tags("[Aa]nswer: (?<thing>\\d+)", usual_thinking_tags()));
}

}  // namespace
}  // namespace muster::reward
