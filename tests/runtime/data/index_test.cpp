#include "runtime/data/index.h"

#include <gtest/gtest.h>

#include <fstream>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/data/indexer.h"
#include "runtime/data/prompts.h"
#include "runtime/data/tokenizer.h"
#include "tests/support/temporary_folder.h"

namespace muster::data {
namespace {

namespace fs = std::filesystem;

class Index : public testing::Test {
 protected:
  Index() {
    fs::create_directories(model());
    fs::copy_file(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/data/gpt2.tokenizer.json",
                  model() / "tokenizer.json");
    tokenizer_.emplace(Tokenizer::read(model()));
    data_.path = write("rows.jsonl", 400);
  }

  fs::path model() const { return folder_.path() / "model"; }
  fs::path runs() const { return folder_.path() / "data"; }

  // Rows of all kinds; one in nine is broken, in a way of its own.
  std::string write(const std::string& name, int count) {
    const std::string path = (folder_.path() / name).string();
    std::ofstream file(path, std::ios::binary);
    const std::vector<std::string> broken{"{\"prompt\":\"no answer\"}",
                                          "[1]",
                                          "nonsense",
                                          "{\"prompt\":null,\"answer\":1}",
                                          "{\"prompt\":\"\xFF\",\"answer\":1}",
                                          "{\"prompt\":\"\",\"answer\":1}"};
    for (int i = 0; i < count; ++i) {
      if (i % 7 == 0) file << "\n";
      if (i % 9 == 4)
        file << broken[static_cast<std::size_t>(i / 9) % broken.size()] << "\r\n";
      else
        file << R"({"prompt":")" << std::string(static_cast<std::size_t>(i % 40) + 1, '%') << " " << i
             << R"(","answer":)" << i << "}\n";
    }
    return path;
  }

  IndexOptions options(std::int64_t chunk_bytes = 1000) const {
    return {.folder = runs(), .model = model(), .max_prompt_tokens = 31, .threads = 3, .chunk_bytes = chunk_bytes};
  }
  PromptSource open(bool indexed) const {
    return PromptSource(
        data_, *tokenizer_,
        {.seed = 5, .max_sequence_tokens = 32, .index_folder = indexed ? runs() : fs::path(), .model = model()});
  }

  tests::TemporaryFolder folder_;
  std::optional<Tokenizer> tokenizer_;
  spec::DataJob data_;
};

TEST_F(Index, PromptsThroughTheIndexAreThoseWithoutIt) {
  data_.max_refused_share = 0.6;
  data_.sources = {{.path = data_.path}, {.path = write("more.jsonl", 90), .weight = 0}};
  data_.path.clear();
  const auto figures = make_indexes(data_, options());
  ASSERT_EQ(figures.size(), 2u);
  EXPECT_EQ(figures[0].rows, 400);
  EXPECT_EQ(figures[0].broken, 44);
  EXPECT_GT(figures[0].too_long, 10);
  PromptSource with = open(true), without = open(false);
  for (int step = 0; step < 30; ++step) {
    const auto a = with.next_prompts(17), b = without.next_prompts(17);
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].row, b[i].row);
      EXPECT_EQ(a[i].tokens, b[i].tokens);
      EXPECT_EQ(a[i].json, b[i].json);
    }
    EXPECT_EQ(with.cursor(), without.cursor());
    EXPECT_EQ(with.refused(), without.refused());
  }
}

TEST_F(Index, AnyChunksAndThreadsMakeTheSameFile) {
  data_.max_refused_share = 0.6;
  std::string first;
  for (const std::int64_t chunk : {100, 1000, 1 << 20}) {
    fs::remove_all(runs());
    make_indexes(data_, options(chunk));
    const std::string bytes = base::read_file(index_file(runs(), 0));
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first);
  }
}

TEST_F(Index, ItIsKeptUntilSomethingChanges) {
  data_.max_refused_share = 0.6;
  EXPECT_FALSE(make_indexes(data_, options()).at(0).is_kept);
  EXPECT_TRUE(make_indexes(data_, options()).at(0).is_kept);
  std::ofstream(data_.path, std::ios::app) << "{\"prompt\":\"new\",\"answer\":1}\n";
  EXPECT_THROW(open(true), Error) << "a rank does not read through an index of something else";
  EXPECT_EQ(make_indexes(data_, options()).at(0).rows, 401);
  data_.prompt = "Q: {prompt}";
  EXPECT_THROW(open(true), Error);
  EXPECT_FALSE(make_indexes(data_, options()).at(0).is_kept);
  fs::copy_file(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/data/qwen.tokenizer.json", model() / "tokenizer.json",
                fs::copy_options::overwrite_existing);
  EXPECT_THROW(open(true), Error);
}

TEST_F(Index, TooManyRefusedRowsStopTheRunWithExamples) {
  try {
    make_indexes(data_, options());
    FAIL() << "no throw";
  } catch (const Error& error) {
    const std::string said = error.what();
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(said.find("of 400 rows are refused: 44 no prompt can be made of"), std::string::npos) << said;
    EXPECT_NE(said.find("rows.jsonl:6: field 'answer' is missing"), std::string::npos) << said;
  }
  EXPECT_FALSE(fs::exists(index_file(runs(), 0)));
  data_.path = (folder_.path() / "empty.jsonl").string();
  std::ofstream(data_.path) << "\n\n";
  EXPECT_THROW(make_indexes(data_, options()), Error);
}

TEST_F(Index, ABrokenIndexIsNoneAndIsNamedByRanks) {
  data_.max_refused_share = 0.6;
  make_indexes(data_, options());
  const fs::path path = index_file(runs(), 0);
  const std::string whole = base::read_file(path);
  const std::string key = index_key(data_, {.path = data_.path}, model());
  EXPECT_TRUE(is_index_of(path, key));
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{30}, whole.size() - 1}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    EXPECT_FALSE(is_index_of(path, key)) << size;
    EXPECT_THROW(open(true), Error) << size;
  }
  for (std::size_t at = 0; at < 24; ++at) {
    std::string lies = whole;
    lies[at] = static_cast<char>(0xFF);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << lies;
    EXPECT_FALSE(is_index_of(path, key)) << at;
  }
}

TEST_F(Index, BuiltinTasksNeedNone) {
  data_.path = "builtin:sums";
  EXPECT_TRUE(make_indexes(data_, options()).empty());
  EXPECT_FALSE(fs::exists(runs()));
}

TEST_F(Index, AGiganticLineIsARefusedRow) {
  std::ofstream(data_.path, std::ios::binary) << "{\"prompt\":\"a\",\"answer\":1}\n{\"prompt\":\""
                                              << std::string(17 << 20, 'x') << "\"}\n{\"prompt\":\"b\",\"answer\":2}\n";
  const auto figures = make_indexes(data_, options(1 << 20));
  EXPECT_EQ(figures.at(0).rows, 3);
  EXPECT_EQ(figures.at(0).broken, 1);
  EXPECT_NE(figures.at(0).examples.at(0).find("rows.jsonl:2: a line of 17.0 MiB"), std::string::npos)
      << figures.at(0).examples.at(0);
  PromptSource source = open(true);
  EXPECT_EQ(source.next_prompts(4).size(), 4u);
}

}  // namespace
}  // namespace muster::data
