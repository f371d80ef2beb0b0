#include "launcher/progress/answers.h"

#include <gtest/gtest.h>

#include "tests/launcher/records/run_fixture.h"

namespace muster::progress {

using page::Line;
using page::Style;
using records::SampleLine;
namespace {

using tests::kAscii;
using tests::kUtf8;

SampleLine sample(const std::string& prompt, const std::string& text, double reward) {
  SampleLine line;
  line.prompt = prompt;
  line.text = text;
  line.reward = reward;
  line.outcome = "graded";
  return line;
}

TEST(PromptEssence, IsTheLastQuestionWithoutMarkup) {
  EXPECT_EQ(prompt_essence(tests::sums_prompt(3, 5)), "What is 3 + 5?");
  EXPECT_EQ(prompt_essence("<|im_start|>system\nYou are "
                           "helpful.<|im_end|>\n<|im_start|>user\nOne.\nTwo.<|im_end|>\n<|im_start|>assistant\n"),
            "One. Two.");
  EXPECT_EQ(prompt_essence("<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHow "
                           "many?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"),
            "How many?");
  EXPECT_EQ(prompt_essence("<s>[INST] How many? [/INST]"), "How many?");
  EXPECT_EQ(prompt_essence("<bos>1234="), "1234=");
  EXPECT_EQ(prompt_essence("is 3 <| 4 and a|>b"), "is 3 <| 4 and a|>b");
  EXPECT_EQ(prompt_essence(""), "");
}

TEST(VerdictMark, TellsRightWrongAndWhatLiesBetween) {
  EXPECT_EQ(verdict_mark(sample("", "", 1), kUtf8).rendered(kUtf8), "✓");
  EXPECT_EQ(verdict_mark(sample("", "", 0), kUtf8).rendered(kUtf8), "✗");
  EXPECT_EQ(verdict_mark(sample("", "", 0), kAscii).rendered(kAscii), "wrong");
  EXPECT_EQ(verdict_mark(sample("", "", 0.4), kUtf8).rendered(kUtf8), "0.40");
  SampleLine late = sample("", "", 0);
  late.outcome = "timeout";
  EXPECT_EQ(verdict_mark(late, kUtf8).rendered(kUtf8), "timeout");
}

TEST(SampleLines, StandInColumnsAndStayWithinTheWidth) {
  const auto lines = sample_lines({sample(tests::sums_prompt(3, 5), "8", 1), sample("<bos>1234=", "", 0)}, kUtf8);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].rendered(kUtf8), "  ✓ What is 3 + 5?   8");
  EXPECT_EQ(lines[1].rendered(kUtf8), "  ✗ 1234=            (nothing)");
  const std::string long_text(500, 'x');
  for (std::int64_t columns = 20; columns < 130; ++columns) {
    Style style = kUtf8;
    style.columns = columns;
    for (const Line& line : sample_lines({sample(long_text, long_text, 0.25)}, style))
      EXPECT_LE(line.columns(), columns);
  }
}

TEST(SampleLines, NameTheRightAnswerBehindAWrongOne) {
  SampleLine wrong = sample(tests::sums_prompt(3, 5), "9", 0), right = sample(tests::sums_prompt(4, 5), "9", 1);
  wrong.gold = "8";
  right.gold = "9";
  const auto lines = sample_lines({wrong, right}, kUtf8);
  EXPECT_EQ(lines[0].rendered(kUtf8), "  ✗ What is 3 + 5?   9   gold 8");
  EXPECT_EQ(lines[1].rendered(kUtf8), "  ✓ What is 4 + 5?   9");
}

TEST(FewSamples, AreOfDifferentPrompts) {
  const auto few = few_samples({sample("a", "1", 0), sample("a", "2", 0), sample("b", "3", 0), sample("c", "4", 0)}, 2);
  ASSERT_EQ(few.size(), 2u);
  EXPECT_EQ(few[0].text, "1");
  EXPECT_EQ(few[1].text, "3");
}

TEST(AlikePairs, PreferTheSamePromptAndThenTheMostAlike) {
  const std::vector<SampleLine> before{sample("What is 3 + 5?", "b0", 0), sample("Name a river.", "b1", 0),
                                       sample("What is 1 + 1?", "b2", 0)};
  const std::vector<SampleLine> after{sample("Name a river of Asia.", "a0", 1), sample("What is 1 + 1?", "a1", 1),
                                      sample("What is 9 + 5?", "a2", 1)};
  const auto pairs = alike_pairs(before, after, 8);
  ASSERT_EQ(pairs.size(), 3u);
  EXPECT_EQ(pairs[0].first.text + pairs[0].second.text, "b2a1");
  EXPECT_EQ(pairs[1].first.text + pairs[1].second.text, "b0a2");
  EXPECT_EQ(pairs[2].first.text + pairs[2].second.text, "b1a0");
  EXPECT_EQ(alike_pairs(before, after, 1).size(), 1u);
  EXPECT_TRUE(alike_pairs(before, {}, 3).empty());
}

}  // namespace
}  // namespace muster::progress
