// Tokens that several files of a folder name, held against what transformers makes of the same folder.
#include "runtime/data/named_tokens.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_lines.h"
#include "runtime/data/tokenizer.h"
#include "tests/support/temporary_folder.h"

namespace muster::data {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using Ids = std::vector<std::int32_t>;

const fs::path kGolden = fs::path(MUSTER_SOURCE_DIR) / "tests/golden/data";

/// tokenizer.json of GPT-2's kind with further entries of its added_tokens.
void write_tokenizer(const fs::path& folder, const ordered_json& added = ordered_json::array()) {
  ordered_json base = ordered_json::parse(base::read_file(kGolden / "gpt2.tokenizer.json"));
  for (const ordered_json& token : added) base["added_tokens"].push_back(token);
  base::write_file(folder / "tokenizer.json", base.dump());
}

// source: tests/reference/named_token_fixtures.py.
TEST(NamedTokens, AreMergedAsTransformersMergesThem) {
  int folders = 0;
  for (const ordered_json& line : base::read_json_lines(kGolden / "named_tokens.jsonl")) {
    const tests::TemporaryFolder folder;
    write_tokenizer(folder.path(), line.value("added", ordered_json::array()));
    for (const auto& [key, file] :
         {std::pair{"config", "tokenizer_config.json"}, std::pair{"map", "special_tokens_map.json"},
          std::pair{"added_json", "added_tokens.json"}})
      if (line.contains(key)) base::write_file(folder.path() / file, line[key].dump());
    const Tokenizer tokenizer = Tokenizer::read(folder.path());
    for (const ordered_json& each : line["cases"]) {
      const Ids ids = tokenizer.encode(each["text"].get<std::string>(), true);
      EXPECT_EQ(ids, each["ids"].get<Ids>()) << line["name"] << each["text"];
      EXPECT_EQ(tokenizer.decode(ids, true), each["plain"].get<std::string>()) << line["name"] << each["text"];
    }
    const std::optional<std::int32_t> end = tokenizer.end_token();
    EXPECT_EQ(end ? ordered_json(*end) : ordered_json(), line["end_token"]) << line["name"];
    ++folders;
  }
  EXPECT_GE(folders, 25);
}

std::string refusal(const std::string& config) {
  const tests::TemporaryFolder folder;
  base::write_file(folder.path() / "tokenizer_config.json", config);
  try {
    read_named_tokens(folder.path());
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    return error.what();
  }
  return "";
}

TEST(NamedTokens, WhatIsNoTokenIsRefusedWithFileAndKey) {
  EXPECT_NE(refusal(R"({"added_tokens_decoder":{"x":{"content":"a"}}})").find("'x' is no token id"), std::string::npos);
  EXPECT_NE(refusal(R"({"added_tokens_decoder":{"9":{}}})").find("added_tokens_decoder: a token is neither text nor"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"added_tokens_decoder":[]})").find("added_tokens_decoder: not an object"), std::string::npos);
  EXPECT_NE(refusal(R"({"eos_token":{"content":"a","lstrip":3}})").find("'lstrip' of a token is 3"), std::string::npos);
  EXPECT_NE(refusal(R"({"eos_token":7})").find("eos_token: a token is neither"), std::string::npos);
  EXPECT_NE(refusal("[]").find("not a JSON object"), std::string::npos);
  EXPECT_NE(refusal("{").find("tokenizer_config.json: this is no JSON"), std::string::npos);
  EXPECT_EQ(refusal(R"({"model_max_length":Infinity,"eos_token":null})"), "");
}

TEST(NamedTokens, APipeInTheFolderIsRefusedAtOnce) {
  const tests::TemporaryFolder folder;
  write_tokenizer(folder.path());
  ASSERT_EQ(::mkfifo((folder.path() / "tokenizer_config.json").c_str(), 0600), 0);
  EXPECT_THROW(Tokenizer::read(folder.path()), Error);
  fs::remove(folder.path() / "tokenizer.json");
  ASSERT_EQ(::mkfifo((folder.path() / "tokenizer.json").c_str(), 0600), 0);
  EXPECT_THROW(Tokenizer::read(folder.path()), Error);
}

TEST(NamedTokens, AFolderWithoutATokenizerAndAPathThatIsNoneAreNamed) {
  const auto refused = [](const fs::path& path) -> std::string {
    try {
      Tokenizer::read(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const tests::TemporaryFolder folder;
  EXPECT_NE(refused(folder.path()).find("this folder has no tokenizer.json"), std::string::npos);
  EXPECT_NE(refused("org/name").find("hf download org/name"), std::string::npos);
}

}  // namespace
}  // namespace muster::data
