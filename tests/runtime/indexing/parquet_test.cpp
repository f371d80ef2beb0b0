// The reader of Parquet is a program of its own; here it is run as the index runs it.
#include "runtime/indexing/parquet.h"

#include <gtest/gtest.h>

#include <fstream>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/data/prompts.h"
#include "runtime/data/tokenizer.h"
#include "runtime/indexing/indexer.h"
#include "tests/support/temporary_folder.h"

namespace muster::indexing {
namespace {

namespace fs = std::filesystem;

class Parquet : public testing::Test {
 protected:
  static fs::path golden(const std::string& name) {
    return fs::path(MUSTER_SOURCE_DIR) / "tests/golden/data/parquet" / (name + ".parquet");
  }
  std::string lines_of(const fs::path& input, std::vector<std::string> columns = {}) {
    const fs::path output = folder_.path() / "rows.jsonl";
    parquet_to_lines({.input = input,
                      .output = output,
                      .fields = std::move(columns),
                      .binaries = fs::path(MUSTER_BINARY_DIR) / "bin"});
    return base::read_file(output);
  }
  std::string refusal(const fs::path& input, std::vector<std::string> columns = {}) {
    try {
      lines_of(input, std::move(columns));
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_TRUE(fs::is_empty(folder_.path()) || !fs::exists(folder_.path() / "rows.jsonl"));
      return error.what();
    }
    return "taken";
  }
  tests::TemporaryFolder folder_;
};

TEST_F(Parquet, EveryKindOfValueBecomesJson) {
  const auto lines = base::split(base::trim(lines_of(golden("kinds"))), '\n');
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0], R"({"text":"plain","whole":1,"real":0.5,"flag":true,"bytes":"ok","word":"a","list":[1,2]})");
  EXPECT_NE(lines[1].find(R"("text":"quote \" backslash \\ newline \u000a tab \u0009")"), std::string::npos)
      << lines[1];
  EXPECT_NE(lines[1].find(R"("real":"nan")"), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find(R"("text":"é 你好 😀","whole":null,"real":"inf","flag":null)"), std::string::npos) << lines[2];
  EXPECT_NE(lines[3].find("\"whole\":4611686018427387904"), std::string::npos) << lines[3];
  EXPECT_EQ(lines_of(golden("kinds"), {"word"}),
            "{\"word\":\"a\"}\n{\"word\":\"b\"}\n{\"word\":\"a\"}\n{\"word\":null}\n{\"word\":\"b\"}\n");
  EXPECT_EQ(lines_of(golden("empty")), "");
}

TEST_F(Parquet, KnownSchemasBecomePromptsThroughTheIndex) {
  fs::create_directories(folder_.path() / "model");
  fs::copy_file(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/data/gpt2.tokenizer.json",
                folder_.path() / "model/tokenizer.json");
  const data::Tokenizer tokenizer = data::Tokenizer::read(folder_.path() / "model");
  for (const char* name : {"openmathinstruct-2", "dapo-math-17k"}) {
    const fs::path index = folder_.path() / name;
    const spec::DataJob job{.path = golden(name), .schema = name, .prompt = "Q: {prompt}", .shuffle = false};
    make_indexes(job, {.folder = index,
                       .model = folder_.path() / "model",
                       .binaries = fs::path(MUSTER_BINARY_DIR) / "bin",
                       .max_sequence_tokens = 64});
    data::PromptSource source(job, tokenizer,
                              {.max_sequence_tokens = 64, .index_folder = index, .model = folder_.path() / "model"});
    const auto prompts = source.next_prompts(3);
    if (std::string(name) == "openmathinstruct-2") {
      EXPECT_EQ(source.num_rows(), 25);
      EXPECT_EQ(prompts[1].text, "Q: What is 1 + 2?");
      EXPECT_EQ(prompts[1].gold, "3");
      EXPECT_EQ(prompts[1].json, R"({"problem":"What is 1 + 2?","expected_answer":"3"})") << "only what is needed";
    } else {
      EXPECT_EQ(prompts[2].text, "Q: Solve 2");
      EXPECT_EQ(prompts[2].gold, "2");
    }
  }
  spec::DataJob job{.path = golden("openmathinstruct-2")};
  EXPECT_THROW(data::PromptSource(job, tokenizer, {.max_sequence_tokens = 64}), Error) << "without an index";
}

TEST_F(Parquet, WhatIsNoneOrLacksAColumnIsNamed) {
  EXPECT_NE(refusal(golden("kinds"), {"text", "answer"}).find("kinds.parquet: has no column 'answer'"),
            std::string::npos);
  EXPECT_NE(refusal(golden("kinds"), {"answer"}).find("it has text, whole, real"), std::string::npos);
  EXPECT_NE(refusal(golden("kinds"), {"tezt"}).find("did you mean 'text'?"), std::string::npos);
  EXPECT_EQ(refusal(golden("kinds"), {"answer"}).find("anew"), std::string::npos) << "the file is not at fault";
  std::ofstream(folder_.path() / "no.parquet") << "this is text";
  EXPECT_NE(refusal(folder_.path() / "no.parquet").find("no.parquet: cannot be read as Parquet"), std::string::npos);
  EXPECT_NE(refusal(folder_.path() / "none.parquet").find("none.parquet"), std::string::npos);
  EXPECT_NE(refusal(golden("bomb")).find("this is a bomb"), std::string::npos);
}

TEST_F(Parquet, ListsOfAllKindsAndMapsAreValues) {
  EXPECT_EQ(
      lines_of(golden("nested")),
      R"({"fixed":["4","x"],"view":[1,2],"map":{"a":1,"b":null},"pairs":[[1,"one"],[2,"two"]],"decimal":"1.50","day":"2026-11-30"})"
      "\n"
      R"({"fixed":["5","y"],"view":[],"map":{},"pairs":[],"decimal":"-0.25","day":"1999-01-02"})"
      "\n"
      R"({"fixed":null,"view":null,"map":null,"pairs":null,"decimal":null,"day":null})"
      "\n");
}

TEST_F(Parquet, ColumnsWithDotsInTheirNamesAreFoundByThem) {
  EXPECT_NE(refusal(golden("dotted"), {"extra"}).find("has no column 'extra'"), std::string::npos);
  EXPECT_EQ(lines_of(golden("dotted"), {"extra.problem", "reward_model.ground_truth", "turns.0.content"}),
            R"({"extra.problem":"p","reward_model.ground_truth":"7","turns":[{"content":"c"}]})"
            "\n");
}

TEST_F(Parquet, BytesOfAColumnAreABrokenRowAndNoOtherEncoding) {
  fs::create_directories(folder_.path() / "model");
  fs::copy_file(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/data/gpt2.tokenizer.json",
                folder_.path() / "model/tokenizer.json");
  const spec::DataJob job{.path = golden("kinds"), .prompt_field = "word", .answer_field = "bytes"};
  const IndexReport report = make_indexes(job, {.folder = folder_.path() / "index",
                                                .model = folder_.path() / "model",
                                                .binaries = fs::path(MUSTER_BINARY_DIR) / "bin",
                                                .max_sequence_tokens = 64});
  EXPECT_EQ(report.sources.at(0).broken, 2) << "a row of bytes, and one without a word";
  EXPECT_NE(report.sources[0].examples.at(0).find("kinds.parquet:2: this is no UTF-8"), std::string::npos)
      << report.sources[0].examples[0];
}

TEST_F(Parquet, FilesThatLieEndInOneErrorSoon) {
  const base::RandomKey random(7, base::Purpose::test);
  const std::string whole = base::read_file(golden("kinds"));
  int refused = 0;
  for (std::uint64_t round = 0; round < 60; ++round) {
    std::string bytes = whole;
    const auto draw = random.at(round);
    for (std::uint64_t change = 0; change <= draw[0] % 6; ++change)  // in the footer more than elsewhere
      bytes[change % 2 == 0 ? bytes.size() - 1 - random.at(round * 100 + change)[1] % 1200
                            : random.at(round * 100 + change)[1] % bytes.size()] =
          static_cast<char>(random.at(round * 100 + change)[2]);
    if (round % 10 == 9) bytes.resize(draw[3] % bytes.size());
    std::ofstream(folder_.path() / "lies.parquet", std::ios::binary | std::ios::trunc) << bytes;
    const base::Stopwatch watch;
    try {
      lines_of(folder_.path() / "lies.parquet");
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_EQ(error.faults().size(), 1u);
      ++refused;
    }
    EXPECT_LT(watch.elapsed_s(), 20);
  }
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace muster::indexing
