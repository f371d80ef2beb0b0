#include "runtime/data/builtin_tasks.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "runtime/base/error.h"
#include "runtime/base/json_lines.h"
#include "tests/support/temporary_folder.h"

namespace muster::data {
namespace {

TEST(BuiltinTasks, SumsAreAllPairsOfOneDigit) {
  const BuiltinTask& task = builtin_task("sums", "test");
  std::set<std::pair<int, int>> pairs;
  for (std::int64_t row = 0; row < task.num_rows; ++row) {
    const auto object = nlohmann::json::parse(task.row(row));
    EXPECT_EQ(object["answer"], std::to_string(object["a"].get<int>() + object["b"].get<int>()));
    pairs.emplace(object["a"], object["b"]);
  }
  EXPECT_EQ(pairs.size(), 81u);
  EXPECT_EQ(*pairs.begin(), std::pair(1, 1));
  EXPECT_EQ(task.row(21), R"({"a":3,"b":4,"answer":"7"})");
}

TEST(BuiltinTasks, ReversedDigitsAreAllOfFour) {
  const BuiltinTask& task = builtin_task("reverse-digits", "test");
  EXPECT_EQ(task.num_rows, 10'000);
  EXPECT_EQ(task.row(0), R"({"digits":"0000","answer":"0000"})");
  EXPECT_EQ(task.row(1234), R"({"digits":"1234","answer":"4321"})");
  EXPECT_EQ(task.row(9999), R"({"digits":"9999","answer":"9999"})");
}

TEST(BuiltinTasks, AreWrittenAsOrdinaryJsonLines) {
  tests::TemporaryFolder folder;
  for (const BuiltinTask& task : builtin_tasks()) {
    write_builtin_task(task.name, folder.path() / "rows.jsonl");
    const auto rows = base::read_json_lines(folder.path() / "rows.jsonl");
    ASSERT_EQ(std::ssize(rows), task.num_rows);
    EXPECT_EQ(rows.back().dump(), task.row(task.num_rows - 1));
  }
}

TEST(BuiltinTasks, LettersAreAHundredTokensOfBytes) {
  const Tokenizer bytes = byte_tokenizer();
  EXPECT_EQ(bytes.vocabulary_size(), 256);
  const BuiltinTask& task = builtin_task("letters", "test");
  std::set<std::string> seen;
  for (std::int64_t row = 0; row < 50; ++row) {
    const auto letters = nlohmann::json::parse(task.row(row))["letters"].get<std::string>();
    EXPECT_EQ(bytes.encode(letters, true).size(), 100u);
    EXPECT_EQ(bytes.decode(bytes.encode(letters, true), true), letters);
    seen.insert(letters);
  }
  EXPECT_EQ(seen.size(), 50u);
  const std::string text = "a\n\tb\xc3\xa9\xe2\x82\xac ";
  const std::vector<std::int32_t> tokens = bytes.encode(text, true);
  EXPECT_EQ(tokens.size(), text.size());
  EXPECT_EQ(tokens[0], 'a');
  EXPECT_EQ(tokens[4], 0xc3);
  EXPECT_EQ(bytes.decode(tokens, true), text);
}

TEST(BuiltinTasks, AnUnknownNameGetsTheKnownOnes) {
  try {
    builtin_task("products", "data.path");
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("sums, reverse-digits, letters"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace muster::data
