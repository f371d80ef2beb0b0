#include "runtime/indexing/indexer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/data/index.h"
#include "runtime/data/prompts.h"
#include "runtime/data/tokenizer.h"
#include "tests/support/temporary_folder.h"

namespace muster::indexing {
namespace {

namespace fs = std::filesystem;
using data::Prompt;
using data::PromptSource;
using data::Tokenizer;

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
        file << R"({"prompt":")" << std::string(static_cast<std::size_t>(i % 40) + 1, '%') << " \u00e9 " << i
             << R"(","answer":)" << i << "}\n";
    }
    return path;
  }

  IndexOptions options(std::int64_t chunk_bytes = 1000) const {
    return {.folder = runs(), .model = model(), .max_sequence_tokens = 32, .threads = 3, .chunk_bytes = chunk_bytes};
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
  const auto figures = make_indexes(data_, options()).sources;
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
    const std::string bytes = base::read_file(data::index_file(runs(), 0));
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first);
  }
}

TEST_F(Index, ItIsKeptUntilSomethingChanges) {
  data_.max_refused_share = 0.6;
  EXPECT_FALSE(make_indexes(data_, options()).sources.at(0).is_kept);
  EXPECT_TRUE(make_indexes(data_, options()).sources.at(0).is_kept);
  std::ofstream(data_.path, std::ios::app) << "{\"prompt\":\"new\",\"answer\":1}\n";
  EXPECT_THROW(open(true), Error) << "a rank does not read through an index of something else";
  EXPECT_EQ(make_indexes(data_, options()).sources.at(0).rows, 401);
  data_.prompt = "Q: {prompt}";
  EXPECT_THROW(open(true), Error);
  EXPECT_FALSE(make_indexes(data_, options()).sources.at(0).is_kept);
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
    EXPECT_NE(said.find("rows.jsonl:6: field 'answer' is missing; the row has prompt"), std::string::npos) << said;
  }
  EXPECT_FALSE(fs::exists(data::index_file(runs(), 0)));
  data_.path = (folder_.path() / "empty.jsonl").string();
  std::ofstream(data_.path) << "\n\n";
  EXPECT_THROW(make_indexes(data_, options()), Error);
}

TEST_F(Index, ABrokenIndexIsNoneAndIsNamedByRanks) {
  data_.max_refused_share = 0.6;
  make_indexes(data_, options());
  const fs::path path = data::index_file(runs(), 0);
  const std::string whole = base::read_file(path);
  const std::string key = data::index_key(data_, {.path = data_.path}, model());
  EXPECT_TRUE(data::is_index_of(path, key));
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{30}, whole.size() - 1}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    EXPECT_FALSE(data::is_index_of(path, key)) << size;
    EXPECT_THROW(open(true), Error) << size;
  }
  for (std::size_t at = 0; at < 24; ++at) {
    std::string lies = whole;
    lies[at] = static_cast<char>(0xFF);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << lies;
    EXPECT_FALSE(data::is_index_of(path, key)) << at;
  }
}

TEST_F(Index, BuiltinTasksNeedNone) {
  data_.path = "builtin:sums";
  EXPECT_TRUE(make_indexes(data_, options()).sources.empty());
  EXPECT_FALSE(fs::exists(runs()));
}

TEST_F(Index, AFaultThatManyRowsHaveIsSaidOnce) {
  data_.prompt_field = "promt";
  try {
    make_indexes(data_, options());
    FAIL() << "no throw";
  } catch (const Error& error) {
    const std::string said = error.what();
    const std::size_t first = said.find("did you mean 'prompt'?");
    ASSERT_NE(first, std::string::npos) << said;
    EXPECT_NE(said.find("rows)", first), std::string::npos) << said;
    EXPECT_NE(said.find("data.prompt_field"), std::string::npos) << said;
    EXPECT_LE(std::count(said.begin(), said.end(), '\n'), 9);
  }
}

TEST_F(Index, PromptsThatAreTooLongAreSaidWithTheLongest) {
  std::ofstream(data_.path) << R"({"prompt":"a","answer":1})"
                               "\n"
                            << R"({"prompt":")" << std::string(100, '%') << " a b c"
                            << R"(","answer":2})"
                               "\n";
  data_.max_refused_share = 0.5;
  const IndexFigures figures = make_indexes(data_, options()).sources.at(0);
  EXPECT_EQ(figures.too_long, 1);
  EXPECT_NE(figures.lengths.find("the longest prompt has "), std::string::npos);
  EXPECT_NE(figures.lengths.find("rows.jsonl:2"), std::string::npos) << figures.lengths;
}

TEST_F(Index, EmptyGoldAnswersAreCounted) {
  std::ofstream(data_.path) << R"({"prompt":"a","answer":1})"
                               "\n"
                               R"({"prompt":"b","answer":" "})"
                               "\n"
                               R"({"prompt":"c","answer":""})"
                               "\n";
  const std::string said = make_indexes(data_, options()).sources.at(0).empty_answers;
  EXPECT_NE(said.find("2 rows have an empty gold answer, the first at"), std::string::npos) << said;
  EXPECT_NE(said.find("rows.jsonl:2"), std::string::npos) << said;
}

TEST_F(Index, AFileOfAnotherEncodingIsRefusedWithLineAndName) {
  const auto refusal = [&](const std::string& content) -> std::string {
    std::ofstream(data_.path, std::ios::binary | std::ios::trunc) << content;
    try {
      make_indexes(data_, options());
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      return error.what();
    }
    return "taken";
  };
  const std::string plain = R"({"prompt":"plain","answer":1})"
                            "\n";
  const std::string latin = refusal(plain + plain + "{\"prompt\":\"caf\xE9?\",\"answer\":1}\n" + plain);
  EXPECT_NE(latin.find("rows.jsonl:3: this is no UTF-8: it seems to be Latin-1"), std::string::npos) << latin;
  EXPECT_NE(latin.find("iconv -f WINDOWS-1252"), std::string::npos) << latin;
  const std::string gbk = refusal("{\"prompt\":\"\xCE\xCA\xCC\xE2\",\"answer\":1}\n" + plain);
  EXPECT_NE(gbk.find("rows.jsonl:1: this is no UTF-8: it seems to be GBK"), std::string::npos) << gbk;
  EXPECT_NE(refusal("prompt,answer\na,1\n").find("rows.jsonl:1: this seems to be CSV"), std::string::npos);
  EXPECT_NE(refusal("[\n{\"prompt\":\"a\",\"answer\":1},\n{\"prompt\":\"b\",\"answer\":1}\n]").find("one JSON array"),
            std::string::npos)
      << "though its last row could be read";
}

TEST_F(Index, AFewBytesOfAnotherEncodingInAFileOfUtf8AreBrokenRows) {
  std::string rows;
  for (int i = 0; i < 20; ++i) rows += "{\"prompt\":\"caf\u00e9 " + std::to_string(i) + "\",\"answer\":1}\n";
  std::ofstream(data_.path) << rows << "{\"prompt\":\"caf\xE9\",\"answer\":1}\n";
  const IndexFigures figures = make_indexes(data_, options()).sources.at(0);
  EXPECT_EQ(figures.broken, 1);
  EXPECT_NE(figures.examples.at(0).find("rows.jsonl:21: this is no UTF-8: byte 15"), std::string::npos)
      << figures.examples[0];
}

TEST_F(Index, ShardsOfAFolderAreOneSourceAndRowsNameTheirFile) {
  const fs::path shards = folder_.path() / "shards";
  fs::create_directories(shards);
  std::string whole;
  for (int shard = 0; shard < 3; ++shard) {
    std::ofstream file(shards / ("part-" + std::to_string(shard) + ".jsonl"));
    for (int i = 0; i < 30; ++i) {
      const std::string row = R"({"prompt":"row )" + std::to_string(shard * 30 + i) + R"(","answer":1})" + "\n";
      file << row;
      whole += row;
    }
  }
  std::ofstream(data_.path) << whole;
  data_.max_refused_share = 0.6;
  make_indexes(data_, options());
  PromptSource one = open(true);
  const auto expected = one.next_prompts(90);
  data_.path = shards.string();
  const IndexReport report = make_indexes(data_, options());
  EXPECT_EQ(report.sources.at(0).files, 3);
  EXPECT_EQ(report.sources[0].identity.files.size(), 3u);
  PromptSource several = open(true);
  const auto found = several.next_prompts(90);
  for (std::size_t i = 0; i < 90; ++i) EXPECT_EQ(found[i].json, expected[i].json) << "as if they were one file";
  std::ofstream(shards / "part-2.jsonl") << R"({"answer":1})"
                                            "\n"
                                            R"({"prompt":"x"})"
                                            "\n";
  const auto examples = make_indexes(data_, options()).sources.at(0).examples;
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_NE(examples[1].find("part-2.jsonl:2: field 'answer' is missing"), std::string::npos) << examples[1];
}

TEST_F(Index, RowsThatRepeatAreCountedAndTheDigestIsOfTheContent) {
  std::string rows;
  for (int i = 0; i < 300; ++i) rows += R"({"prompt":"row )" + std::to_string(i % 3) + R"(","answer":1})" + "\n";
  std::ofstream(data_.path) << rows;
  const IndexReport report = make_indexes(data_, options());
  EXPECT_EQ(report.split.prompts, 3);
  EXPECT_EQ(report.split.most_often, 100);
  const std::string digest = report.sources.at(0).identity.digest;
  const std::string copy = (folder_.path() / "copy.jsonl").string();
  std::ofstream(copy) << rows;
  data_.path = copy;
  EXPECT_EQ(make_indexes(data_, options(1 << 20)).sources.at(0).identity.digest, digest);
  EXPECT_EQ(make_indexes(data_, options()).sources.at(0).identity.digest, digest) << "of an index that is kept";
  rows[40] = '9';
  std::ofstream(copy) << rows;
  EXPECT_NE(make_indexes(data_, options()).sources.at(0).identity.digest, digest);
}

TEST_F(Index, AGiganticLineIsARefusedRow) {
  std::ofstream(data_.path, std::ios::binary) << "{\"prompt\":\"a\",\"answer\":1}\n{\"prompt\":\""
                                              << std::string(17 << 20, 'x') << "\"}\n{\"prompt\":\"b\",\"answer\":2}\n";
  const auto figures = make_indexes(data_, options(1 << 20)).sources;
  EXPECT_EQ(figures.at(0).rows, 3);
  EXPECT_EQ(figures.at(0).broken, 1);
  EXPECT_NE(figures.at(0).examples.at(0).find("rows.jsonl:2: a line of 17.0 MiB"), std::string::npos)
      << figures.at(0).examples.at(0);
  PromptSource source = open(true);
  EXPECT_EQ(source.next_prompts(4).size(), 4u);
}

TEST_F(Index, RowsWhoseGoldAnswerCannotBeReadAreRefusedAndNamed) {
  {
    std::ofstream file(data_.path, std::ios::binary);
    for (int i = 0; i < 100; ++i)
      file << R"({"prompt":"q )" << i << R"(","answer":")" << (i % 20 == 3 ? "?" : "7") << "\"}\n";
  }
  IndexOptions options = this->options();
  options.why_unreadable = [](const std::string& gold) {
    return gold == "?" ? std::optional<std::string>("no number: " + gold) : std::nullopt;
  };
  const IndexFigures figures = make_indexes(data_, options).sources.at(0);
  EXPECT_EQ(figures.broken, 5);
  EXPECT_EQ(figures.unreadable, 5);
  ASSERT_EQ(figures.examples.size(), 1U);
  EXPECT_NE(figures.examples[0].find("rows.jsonl:4: no number: ? (5 rows)"), std::string::npos) << figures.examples[0];
  options.why_unreadable = [](const std::string&) { return std::optional<std::string>("no number"); };
  fs::remove_all(runs());
  try {
    make_indexes(data_, options);
    FAIL() << "all rows are refused";
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_EQ(error.exit_code(), 2);
    for (const char* part :
         {"100 of 100 rows are refused", "100 have gold answers that the grader cannot read", "reward.kind"})
      EXPECT_NE(what.find(part), std::string::npos) << what;
  }
}

}  // namespace
}  // namespace muster::indexing
