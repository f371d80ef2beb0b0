#include "runtime/loop/grading.h"

#include <gtest/gtest.h>

#include "runtime/base/files.h"

namespace muster::loop {
namespace {

data::Tokenizer small_tokenizer() {
  return data::Tokenizer::parse(
      base::read_file(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/data/llama3.tokenizer.json"), "tokenizer.json");
}

TEST(ReplyText, HasSpecialTokensOnRequestButNotTheOneThatEndedIt) {
  const data::Tokenizer tokenizer = small_tokenizer();
  generate::Sample sample;
  sample.tokens = tokenizer.encode("<|im_start|>fox<|im_start|>", false);
  sample.finish = generate::Finish::stop;
  spec::Job job;
  EXPECT_EQ(reply_text(job, tokenizer, sample), "fox");
  job.reward.skip_special_tokens = false;
  EXPECT_EQ(reply_text(job, tokenizer, sample), "<|im_start|>fox");
  sample.finish = generate::Finish::length;
  EXPECT_EQ(reply_text(job, tokenizer, sample), "<|im_start|>fox<|im_start|>");
  sample.tokens.clear();
  EXPECT_EQ(reply_text(job, tokenizer, sample), "");
}

TEST(GradeSettings, AreThoseOfTheJobAndThePrompt) {
  spec::Job job;
  const spec::RewardPart part{.kind = "regex", .pattern = "x"};
  EXPECT_TRUE(grade_settings(job, part, "Why?").after_thinking);
  EXPECT_FALSE(grade_settings(job, part, "Why?").in_thinking);
  EXPECT_TRUE(grade_settings(job, part, "Why?<think>\n").in_thinking);
  EXPECT_EQ(grade_settings(job, part, "").pattern, "x");
  job.reward.answer = spec::AnswerPart::all;
  job.reward.thinking_tags = {"note"};
  EXPECT_FALSE(grade_settings(job, part, "").after_thinking);
  EXPECT_TRUE(grade_settings(job, part, "<note>").in_thinking);
}

TEST(GradeSettings, TheDefaultsOfAJobAreThoseOfTheGrader) {
  EXPECT_EQ(grade_settings({}, {}, ""), reward::GradeSettings{});
}

}  // namespace
}  // namespace muster::loop
