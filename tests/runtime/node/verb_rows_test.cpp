#include "runtime/node/verb_rows.h"

#include <gtest/gtest.h>

#include <fstream>

#include "runtime/base/error.h"
#include "runtime/data/tokenizer.h"
#include "tests/support/temporary_folder.h"

namespace muster::node {
namespace {

class VerbRows : public testing::Test {
 protected:
  std::vector<VerbRow> read(const std::string& content, const VerbRules& rules = {.vocab_size = 10, .most_tokens = 4}) {
    std::ofstream(folder_.path() / "in.jsonl") << content;
    return read_verb_rows(folder_.path() / "in.jsonl", rules);
  }
  std::string refusal(const std::string& content) {
    try {
      read(content);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      return error.what();
    }
    return "taken";
  }
  tests::TemporaryFolder folder_;
};

TEST_F(VerbRows, IdsAreGivenBackAsTheyAre) {
  const auto rows =
      read("{\"id\": 7, \"tokens\": [1, 2]}\n\n  \r\n{\"tokens\": [9], \"id\": \"a\\u00e9\", \"more\": 1}");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].tokens, (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(verb_rows_text(rows), "{\"id\":7,\"tokens\":[1,2]}\n{\"id\":\"aé\",\"tokens\":[9]}\n");
}

TEST_F(VerbRows, TextIsTokenisedWhereThereIsATokenizer) {
  const auto tokenizer =
      data::Tokenizer::read(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/data/llama3.tokenizer.json");
  const auto rows = read("{\"id\": 1, \"text\": \"Hi there\"}",
                         {.vocab_size = tokenizer.vocabulary_size(), .most_tokens = 50, .tokenizer = &tokenizer});
  EXPECT_EQ(rows.at(0).tokens, tokenizer.encode("Hi there", true)) << "with what the post-processor adds";
}

TEST_F(VerbRows, EveryFaultHasItsLineAndAllComeAtOnce) {
  const std::string said = refusal(
      "{\"id\": 1}\n[1]\n{\"tokens\": [1]}\n{\"id\": [], \"tokens\": [1]}\n{\"id\": 1, \"tokens\": [10]}\n"
      "{\"id\": 1, \"tokens\": [-1]}\n{\"id\": 1, \"tokens\": [1.5]}\n{\"id\": 1, \"tokens\": []}\n"
      "{\"id\": 1, \"tokens\": [1,1,1,1,1]}\n{\"id\": 1, \"text\": \"a\"}\nnonsense\n{\"id\": 1, \"tokens\": "
      "\"\xFF\"}\n");
  for (int line = 1; line <= 12; ++line)
    EXPECT_NE(said.find("in.jsonl:" + std::to_string(line) + ":"), std::string::npos) << line << " in " << said;
  EXPECT_NE(said.find("5 tokens, but there is room for 4"), std::string::npos) << said;
  EXPECT_NE(refusal("\n \n").find("holds no rows"), std::string::npos);
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "x\n";
  EXPECT_LT(refusal(many).size(), 10'000u);
}

}  // namespace
}  // namespace muster::node
