#include "runtime/data/prompts.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "runtime/base/error.h"
#include "runtime/data/builtin_tasks.h"
#include "runtime/data/tokenizer.h"
#include "tests/support/temporary_folder.h"

namespace muster::data {
namespace {

class Prompts : public testing::Test {
 protected:
  Prompts() : tokenizer_(Tokenizer::read(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/data/gpt2.tokenizer.json")) {}

  spec::DataJob job(const std::string& content) {
    std::ofstream(path()) << content;
    spec::DataJob data;
    data.path = path();
    return data;
  }
  std::string path() const { return (folder_.path() / "rows.jsonl").string(); }
  spec::DataJob counted(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i)
      lines += R"({"prompt":"row )" + std::to_string(i) + R"(","answer":)" + std::to_string(i) + "}\n";
    return job(lines);
  }
  PromptSource open(const spec::DataJob& data, std::uint64_t seed, Part part = Part::train) const {
    return PromptSource(data, tokenizer_, {.seed = seed, .max_sequence_tokens = 64, .part = part});
  }
  static std::vector<std::int64_t> rows_of(const std::vector<Prompt>& prompts) {
    std::vector<std::int64_t> rows;
    for (const Prompt& prompt : prompts) rows.push_back(prompt.row);
    return rows;
  }
  std::string refusal(const std::string& row) {
    auto data = job(row + "\n");
    try {
      PromptSource(data, tokenizer_, {.max_sequence_tokens = 32}).prompt(0);
    } catch (const Error& error) {
      return error.what();
    }
    return "taken";
  }

  tests::TemporaryFolder folder_;
  Tokenizer tokenizer_;
};

TEST_F(Prompts, ARowGoesThroughTheTemplates) {
  auto data = job("\n  \r\n{\"a\":3,\"b\":4,\"answer\":\"7\"}\r\n\n{\"a\":1,\"b\":1,\"answer\":\"2\"}");
  data.prompt = "<|im_start|>user\nWhat is {a} + {b}?<|im_end|>\n";
  const PromptSource source(data, tokenizer_, {.max_sequence_tokens = 64});
  EXPECT_EQ(source.num_rows(), 2);
  const Prompt prompt = source.prompt(0);
  EXPECT_EQ(prompt.text, "<|im_start|>user\nWhat is 3 + 4?<|im_end|>\n");
  EXPECT_EQ(prompt.gold, "7");
  EXPECT_EQ(prompt.tokens, tokenizer_.encode(prompt.text, false));
  EXPECT_EQ(prompt.tokens[0], tokenizer_.token_id("<|im_start|>"));
  EXPECT_EQ(source.prompt(1).gold, "2") << "the last line needs no newline";
}

TEST_F(Prompts, EachEpochIsAPermutationOfItsOwn) {
  const auto data = counted(50);
  PromptSource source = open(data, 3), again = open(data, 3), other = open(data, 4);
  const auto first = rows_of(source.next_prompts(50)), second = rows_of(source.next_prompts(50));
  EXPECT_EQ(std::set(first.begin(), first.end()).size(), 50u);
  EXPECT_EQ(std::set(second.begin(), second.end()).size(), 50u);
  EXPECT_NE(first, second);
  EXPECT_EQ(rows_of(again.next_prompts(50)), first) << "the same on every rank";
  EXPECT_NE(rows_of(other.next_prompts(50)), first);
  EXPECT_EQ(source.cursor(), (Cursor{1, 50}));
}

TEST_F(Prompts, WithoutShufflingTheOrderIsThatOfTheFile) {
  auto data = counted(4);
  data.shuffle = false;
  PromptSource source = open(data, 3);
  EXPECT_EQ(rows_of(source.next_prompts(6)), (std::vector<std::int64_t>{0, 1, 2, 3, 0, 1}));
}

TEST_F(Prompts, ACursorResumesAnywhere) {
  const auto data = counted(10);
  PromptSource source = open(data, 3);
  for (int step = 0; step < 9; ++step) {
    const Cursor cursor = source.cursor();
    const auto expected = rows_of(source.next_prompts(7));
    PromptSource resumed = open(data, 3);
    resumed.set_cursor(cursor);
    EXPECT_EQ(rows_of(resumed.next_prompts(7)), expected);
  }
  EXPECT_THROW(source.set_cursor({0, 11}), Error);
  EXPECT_THROW(source.set_cursor({-1, 0}), Error);
}

TEST_F(Prompts, RefusedRowsAreCountedAndTheNextOnesTaken) {
  std::string lines;
  for (int i = 0; i < 100; ++i)
    lines += i % 10 == 3 ? "{\"prompt\":\"no answer\"}\n"
                         : R"({"prompt":"row","answer":1})"
                           "\n";
  auto data = job(lines);
  data.max_refused_share = 0.5;
  PromptSource source = open(data, 0);
  for (const Prompt& prompt : source.next_prompts(90)) EXPECT_NE(prompt.row % 10, 3);
  EXPECT_EQ(source.refused(), 10);
  data.max_refused_share = 0.05;
  PromptSource strict = open(data, 0);
  try {
    strict.next_prompts(90);
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("field 'answer' is missing"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("rows.jsonl:"), std::string::npos) << error.what();
  }
}

TEST_F(Prompts, AFileWithoutAGoodRowEndsInAnError) {
  auto data = job("{\"x\":1}\n{\"x\":2}\n");
  data.max_refused_share = 1;
  PromptSource source = open(data, 0);
  EXPECT_THROW(source.next_prompts(1), Error);
}

TEST_F(Prompts, HostileRowsAreRefusedWithTheirReason) {
  EXPECT_NE(refusal("{\"prompt\":\"a\"").find("rows.jsonl:1: this is no JSON"), std::string::npos);
  EXPECT_NE(refusal("[1]").find("no object but array"), std::string::npos);
  EXPECT_NE(refusal("{\"prompt\":\"\xFF\",\"answer\":1}").find("no UTF-8"), std::string::npos);
  EXPECT_NE(refusal("{\"prompt\":\"\\ud800\",\"answer\":1}").find("no JSON"), std::string::npos);
  EXPECT_NE(refusal("{\"prompt\":\"\",\"answer\":1}").find("empty"), std::string::npos);
  EXPECT_NE(refusal("{\"prompt\":null,\"answer\":1}").find("null"), std::string::npos);
  EXPECT_NE(refusal("{\"prompt\":\"" + std::string(500, '%') + "\",\"answer\":1}").find("more than 31"),
            std::string::npos);
  EXPECT_NE(refusal(std::string(100'000, '[')).find("no JSON"), std::string::npos);
  EXPECT_EQ(refusal("{\"prompt\":\"a\",\"answer\":1}"), "taken");
}

TEST_F(Prompts, FilesThatAreNoneAreNamed) {
  spec::DataJob data;
  data.path = "/nowhere/rows.jsonl";
  EXPECT_THROW(open(data, 0), Error);
  data.path = folder_.path().string();
  EXPECT_THROW(open(data, 0), Error);
  EXPECT_THROW(open(job(""), 0), Error);
  EXPECT_THROW(open(job(" \n\t\n"), 0), Error);
  data.path = "builtin:nonsense";
  EXPECT_THROW(open(data, 0), Error);
}

TEST_F(Prompts, HeldOutRowsAreNeverTrainedOn) {
  auto data = counted(40);
  data.held_out = 10;
  PromptSource train = open(data, 1), other_seed = open(data, 2), held_out = open(data, 1, Part::held_out);
  std::set<std::int64_t> kept;
  for (const std::int64_t row : rows_of(held_out.next_prompts(10))) kept.insert(row);
  EXPECT_EQ(kept.size(), 10u);
  EXPECT_EQ(train.num_rows(), 30);
  for (PromptSource* source : {&train, &other_seed})
    for (const std::int64_t row : rows_of(source->next_prompts(60))) EXPECT_FALSE(kept.contains(row));
  data.held_out = 40;
  EXPECT_THROW(open(data, 1), Error);
}

TEST_F(Prompts, ASourceForValidationAloneIsNeverTrainedOnAndSharesAreHeldOut) {
  auto data = counted(40);
  const std::string other = (folder_.path() / "other.jsonl").string();
  std::ofstream others(other);
  for (int i = 0; i < 40; ++i)
    others << R"({"prompt":"other )" << i << R"(","answer":1})"
           << "\n";
  others.close();
  data.sources = {{.path = path()},
                  {.path = other, .validate_only = true},
                  {.path = "builtin:reverse-digits", .prompt_field = "digits"}};
  data.path.clear();
  data.held_out_share = 0.25;
  PromptSource train = open(data, 1), held_out = open(data, 1, Part::held_out);
  EXPECT_EQ(train.num_rows(), 10040 - 2510);
  EXPECT_EQ(held_out.num_rows(), 2510 + 40);
  std::set<std::int64_t> kept;
  for (const std::int64_t row : rows_of(held_out.next_prompts(2550))) kept.insert(row);
  EXPECT_EQ(kept.size(), 2550u);
  for (std::int64_t row = 40; row < 80; ++row) EXPECT_TRUE(kept.contains(row)) << row;
  for (const std::int64_t row : rows_of(train.next_prompts(7530))) EXPECT_FALSE(kept.contains(row)) << row;
  EXPECT_EQ(train.prompt(81).text, "0001") << "rows are numbered over all sources";
}

TEST_F(Prompts, APromptThatStandsAHundredTimesIsNotBothTrainedOnAndHeldOut) {
  std::string lines;
  for (int i = 0; i < 4000; ++i)
    lines += R"({"prompt":"row )" + std::to_string(i % 40) + R"(","answer":)" + std::to_string(i) + "}\n";
  auto data = job(lines);
  data.held_out = 10;
  PromptSource train = open(data, 1), held_out = open(data, 1, Part::held_out);
  std::set<std::string> kept;
  for (const Prompt& prompt : held_out.next_prompts(10)) kept.insert(prompt.text);
  EXPECT_EQ(kept.size(), 10u);
  EXPECT_EQ(train.num_rows(), 3000);
  for (const Prompt& prompt : train.next_prompts(3000)) EXPECT_FALSE(kept.contains(prompt.text)) << prompt.text;
  data.deduplicate = spec::Switch::on;
  EXPECT_EQ(open(data, 1).num_rows(), 30);
  data.prompt = "no field";
  EXPECT_THROW(open(data, 1), Error) << "rows are compared as they are rendered";
}

TEST_F(Prompts, AFileThatIsAlsoForValidationIsNotTrainedOn) {
  auto data = counted(40);
  data.sources = {
      {.path = path()}, {.path = path(), .validate_only = true}, {.path = "builtin:sums", .prompt_field = "a"}};
  data.path.clear();
  EXPECT_EQ(open(data, 1).num_rows(), 81);
  data.sources.pop_back();
  EXPECT_THROW(open(data, 1), Error) << "nothing is left";
}

TEST_F(Prompts, ACursorOfOtherDataBeginsTheNextEpochWhereThatIsAccepted) {
  const auto data = counted(10);
  PromptSource source(data, tokenizer_, {.max_sequence_tokens = 64, .data_has_changed = true});
  source.set_cursor({2, 11});
  EXPECT_EQ(source.cursor(), (Cursor{3, 0}));
  source.set_cursor({2, 10});
  EXPECT_EQ(source.cursor(), (Cursor{2, 10}));
}

TEST_F(Prompts, ABuiltinTaskEqualsItsFile) {
  write_builtin_task("sums", path());
  spec::DataJob data;
  data.path = "builtin:sums";
  data.prompt = "{a} + {b}";
  PromptSource builtin = open(data, 5);
  data.path = path();
  PromptSource file = open(data, 5);
  const auto first = builtin.next_prompts(81), second = file.next_prompts(81);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].row, second[i].row);
    EXPECT_EQ(first[i].text, second[i].text);
    EXPECT_EQ(first[i].json, second[i].json);
  }
}

}  // namespace
}  // namespace muster::data
