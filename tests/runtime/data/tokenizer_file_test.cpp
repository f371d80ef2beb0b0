// Against Hugging Face tokenizers: the fixtures are made by tests/reference/tokenizer_fixtures.py.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/files.h"
#include "runtime/data/tokenizer.h"

namespace muster::data {
namespace {

using nlohmann::json;
using Ids = std::vector<std::int32_t>;

const std::filesystem::path kGolden = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/golden/data";

std::vector<json> lines_of(const std::string& name) {
  std::ifstream file(kGolden / name);
  std::vector<json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

Tokenizer small(const std::string& kind) { return Tokenizer::read(kGolden / (kind + ".tokenizer.json")); }

Tokenizer smollm2() {
  const auto folder = base::cache_folder() / "models/smollm2-135m-instruct";
  if (!std::filesystem::exists(folder / "tokenizer.json"))
    throw std::runtime_error("there is no " + (folder / "tokenizer.json").string() +
                             ": tools/test makes the model folder before it runs this test");
  return Tokenizer::read(folder);
}

void expect_equal(const Tokenizer& tokenizer, const std::vector<json>& lines, const std::string& key,
                  std::size_t least) {
  ASSERT_GE(lines.size(), least);
  for (const json& line : lines)
    ASSERT_EQ(tokenizer.encode(line["text"].get<std::string>(), true), line[key].get<Ids>()) << line["text"].dump();
}

class SmallTokenizer : public testing::TestWithParam<const char*> {};
TEST_P(SmallTokenizer, EqualsHuggingFaceOnTwoThousandStrings) {
  expect_equal(small(GetParam()), lines_of("small_tokens.jsonl"), GetParam(), 2000);
}
INSTANTIATE_TEST_SUITE_P(Kinds, SmallTokenizer, testing::Values("gpt2", "llama3", "qwen", "deepseek", "splits"),
                         [](const auto& kind) { return kind.param; });

TEST(Smollm2Tokenizer, EqualsHuggingFaceOnTwoThousandStrings) {
  expect_equal(smollm2(), lines_of("smollm2_tokens.jsonl"), "ids", 2000);
}

TEST(Smollm2Tokenizer, KnowsItsSpecialTokens) {
  const Tokenizer tokenizer = smollm2();
  EXPECT_EQ(tokenizer.vocabulary_size(), 49152);
  EXPECT_EQ(tokenizer.token_id("<|im_end|>"), 2);
  EXPECT_TRUE(tokenizer.is_special(2));
  EXPECT_EQ(tokenizer.token_id("no such token"), std::nullopt);
}

TEST(Decoding, EqualsHuggingFaceOnRandomIds) {
  std::map<std::string, Tokenizer> tokenizers;
  const std::vector<json> lines = lines_of("decoded.jsonl");
  ASSERT_GE(lines.size(), 700u);
  for (const json& line : lines) {
    const auto kind = line["kind"].get<std::string>();
    if (!tokenizers.contains(kind)) tokenizers.emplace(kind, kind == "smollm2" ? smollm2() : small(kind));
    const auto ids = line["ids"].get<Ids>();
    ASSERT_EQ(tokenizers.at(kind).decode(ids, false), line["text"].get<std::string>()) << line.dump();
    ASSERT_EQ(tokenizers.at(kind).decode(ids, true), line["plain"].get<std::string>()) << line.dump();
  }
}

// With a vocabulary that has all bytes; SmolLM2's own lacks some control characters, which vanish with Hugging Face
// too.
TEST(Decoding, GivesTheTextBack) {
  const Tokenizer tokenizer = small("gpt2");
  for (const json& line : lines_of("smollm2_tokens.jsonl")) {
    const auto text = line["text"].get<std::string>();
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text, false), false), text);
  }
}

}  // namespace
}  // namespace muster::data
