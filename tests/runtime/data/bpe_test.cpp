#include "runtime/data/bpe.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/data/json_node.h"

namespace muster::data {
namespace {

Bpe bpe_of(const std::string& json) {
  const auto document = nlohmann::json::parse(json);
  return Bpe::parse(JsonNode(document, "tokenizer.json", "model"));
}

std::vector<std::int32_t> ids_of(const Bpe& bpe, const std::string& word) {
  Bpe::Cache cache;
  std::vector<std::int32_t> first, second;
  bpe.encode(word, cache, first);
  bpe.encode(word, cache, second);
  EXPECT_EQ(first, second) << "from the cache";
  return first;
}

using Ids = std::vector<std::int32_t>;

TEST(Bpe, MergesTheLowestRankFirst) {
  const Bpe bpe = bpe_of(R"({"vocab":{"a":0,"b":1,"c":2,"bc":3,"ab":4,"abc":5},"merges":["b c",["a","b"],"a bc"]})");
  EXPECT_EQ(ids_of(bpe, "abc"), Ids{5});
  EXPECT_EQ(ids_of(bpe, "abab"), (Ids{4, 4}));
  EXPECT_EQ(ids_of(bpe, "bcb"), (Ids{3, 1}));
}

TEST(Bpe, TheLeftmostOfEqualPairsIsFirst) {
  const Bpe bpe = bpe_of(R"({"vocab":{"a":0,"aa":1},"merges":["a a"]})");
  EXPECT_EQ(ids_of(bpe, "aaaaa"), (Ids{1, 1, 0}));
}

TEST(Bpe, UnknownBytesVanishOrBecomeTheUnknownToken) {
  EXPECT_EQ(ids_of(bpe_of(R"({"vocab":{"a":0,"aa":1},"merges":["a a"]})"), "axa"), Ids{1});
  EXPECT_EQ(ids_of(bpe_of(R"({"vocab":{"a":0,"?":1},"merges":[],"unk_token":"?"})"), "axya"), (Ids{0, 1, 1, 0}));
  EXPECT_EQ(ids_of(bpe_of(R"({"vocab":{"a":0,"?":1},"merges":[],"unk_token":"?","fuse_unk":true})"), "axya"),
            (Ids{0, 1, 0}));
}

TEST(Bpe, AWholeWordIsTakenWithoutMergesWhereTheFileSaysSo) {
  EXPECT_EQ(ids_of(bpe_of(R"({"vocab":{"a":0,"b":1,"ab":2},"merges":[],"ignore_merges":true})"), "ab"), Ids{2});
  EXPECT_EQ(ids_of(bpe_of(R"({"vocab":{"a":0,"b":1,"ab":2},"merges":[],"ignore_merges":false})"), "ab"), (Ids{0, 1}));
}

TEST(Bpe, AVeryLongWordIsMergedInTime) {
  const Bpe bpe = bpe_of(R"({"vocab":{"a":0,"aa":1,"aaaa":2},"merges":["a a","aa aa"]})");
  EXPECT_EQ(ids_of(bpe, std::string(1 << 20, 'a')), Ids(1 << 18, 2));
}

TEST(Bpe, EachFaultOfTheFileHasItsPlace) {
  const auto refuses = [](const std::string& json, const std::string& place, const std::string& word) {
    try {
      bpe_of(json);
      ADD_FAILURE() << json << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      EXPECT_NE(std::string(error.what()).find("tokenizer.json: model" + place), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
    }
  };
  refuses(R"({"merges":[]})", "", "'vocab' is missing");
  refuses(R"({"vocab":{"a":0}})", "", "'merges' is missing");
  refuses(R"({"vocab":[],"merges":[]})", ".vocab", "object");
  refuses(R"({"vocab":{"a":-1},"merges":[]})", ".vocab.a", "-1 is out of range");
  refuses(R"({"vocab":{"a":99999999999},"merges":[]})", ".vocab.a", "out of range");
  refuses(R"({"vocab":{"a":18446744073709551615},"merges":[]})", ".vocab.a", "out of range");
  refuses(R"({"vocab":{"a":1.5},"merges":[]})", ".vocab.a", "1.5");
  refuses(R"({"vocab":{"a":"0"},"merges":[]})", ".vocab.a", "whole number");
  refuses(R"({"vocab":{"a":0,"b":0},"merges":[]})", ".vocab.b", "twice");
  refuses(R"({"vocab":{"a":0},"merges":["a b"]})", ".merges[0]", "'b' is not in the vocabulary");
  refuses(R"({"vocab":{"a":0,"b":1},"merges":["a b"]})", ".merges[0]", "'ab' is not in the vocabulary");
  refuses(R"({"vocab":{"a":0,"":1},"merges":[["","a"]]})", ".merges[0]", "never end");
  refuses(R"({"vocab":{"a":0},"merges":["a"]})", ".merges[0]", "one space");
  refuses(R"({"vocab":{"a":0},"merges":["a a a"]})", ".merges[0]", "one space");
  refuses(R"({"vocab":{"a":0},"merges":[3]})", ".merges[0]", "a merge is");
  refuses(R"({"vocab":{"a":0},"merges":[["a",1]]})", ".merges[0]", "a merge is");
  refuses(R"({"vocab":{"a":0},"merges":{}})", ".merges", "array");
  refuses(R"({"type":"Unigram","vocab":{"a":0},"merges":[]})", "", "'Unigram'");
  refuses(R"({"vocab":{"a":0},"merges":[],"end_of_word_suffix":"</w>"})", ".end_of_word_suffix", "not supported");
  refuses(R"({"vocab":{"a":0},"merges":[],"byte_fallback":true})", ".byte_fallback", "not supported");
  refuses(R"({"vocab":{"a":0},"merges":[],"dropout":0.1})", ".dropout", "not supported");
  refuses(R"({"vocab":{"a":0},"merges":[],"unk_token":"?"})", ".unk_token", "'?'");
}

}  // namespace
}  // namespace muster::data
