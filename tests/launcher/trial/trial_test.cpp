#include "launcher/trial/trial.h"

#include <gtest/gtest.h>

namespace muster::trial {
namespace {

Trial tried() {
  return {.sources = {{.path = "rows.jsonl",
                       .rows = 40,
                       .refused = 1,
                       .too_long = 1,
                       .median = 20,
                       .p95 = 31,
                       .longest = 90,
                       .limit = 64,
                       .is_all = true,
                       .example = "rows.jsonl:3: field 'final' is missing"}},
          .place = "rows.jsonl:1",
          .prompt = "How much\nis it?",
          .gold = "7",
          .tokens = 9,
          .grades = {{"math", "\\boxed{7}", 1}, {"math", "I do not know.", 0}}};
}

bool has(const std::string& page, const std::string& words) { return page.find(words) != std::string::npos; }

TEST(Trial, ThePageHasLengthsTheFirstPromptItsGoldAnswerAndRewards) {
  const std::string page = trial_page(tried());
  for (const char* const words :
       {"20 tokens (median), 31 (p95), 90 (longest) of 64", "refused: 1 not rendered, 1 too long (5.0 %)",
        "rows.jsonl:3: field 'final' is missing", "rows.jsonl:1, 9 tokens", "  | How much\n  | is it?\n",
        "gold answer   7", "1.000  of \"\\boxed{7}\" by math"})
    EXPECT_TRUE(has(page, words)) << words << "\n" << page;
}

TEST(Trial, RefusedRowsAndARewardThatTellsNothingApartAreWarnings) {
  Trial trial = tried();
  ASSERT_EQ(warnings_of(trial).size(), 1u);
  trial.grades[1].reward = 1;
  ASSERT_EQ(warnings_of(trial).size(), 2u);
  EXPECT_TRUE(has(warnings_of(trial)[1], "the same: 1.000"));
}

TEST(Trial, WhatTheRuntimeWritesIsRead) {
  const Trial trial = parse_trial(R"({"sources": [{"path": "p", "rows": 3, "is_all": true, "refused": 0, "too_long": 0,
      "median": 1, "p95": 2, "longest": 2, "limit": 9, "example": "", "not_tried": ""}],
      "first": {"place": "p:1", "prompt": "q", "gold": "g", "tokens": 1},
      "grades": [{"part": "exact", "answer": "g", "reward": 0.5}]})");
  ASSERT_EQ(trial.sources.size(), 1u);
  EXPECT_EQ(trial.sources[0].rows, 3);
  EXPECT_EQ(trial.gold, "g");
  EXPECT_EQ(trial.grades.at(0).reward, 0.5);
  EXPECT_EQ(first_prompt_text(parse_trial(R"({"sources": [], "first": null, "grades": []})")), "");
}

}  // namespace
}  // namespace muster::trial
