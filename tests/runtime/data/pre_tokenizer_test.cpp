#include "runtime/data/pre_tokenizer.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/data/json_node.h"

namespace muster::data {
namespace {

using Strings = std::vector<std::string>;

Strings parts_of(const std::string& text, const std::vector<Span>& matches, SplitBehavior behavior,
                 bool invert = false) {
  std::vector<std::string_view> parts;
  split_at(text, matches, behavior, invert, parts);
  return {parts.begin(), parts.end()};
}

// The example of Hugging Face's own manual.
TEST(SplitAt, BehavesAsNamed) {
  const std::string text = "the-final--countdown";
  const std::vector<Span> dashes = {{3, 4}, {9, 10}, {10, 11}};
  EXPECT_EQ(parts_of(text, dashes, SplitBehavior::removed), (Strings{"the", "final", "countdown"}));
  EXPECT_EQ(parts_of(text, dashes, SplitBehavior::isolated), (Strings{"the", "-", "final", "-", "-", "countdown"}));
  EXPECT_EQ(parts_of(text, dashes, SplitBehavior::merged_with_previous), (Strings{"the-", "final-", "-", "countdown"}));
  EXPECT_EQ(parts_of(text, dashes, SplitBehavior::merged_with_next), (Strings{"the", "-final", "-", "-countdown"}));
  EXPECT_EQ(parts_of(text, dashes, SplitBehavior::contiguous), (Strings{"the", "-", "final", "--", "countdown"}));
  EXPECT_EQ(parts_of(text, dashes, SplitBehavior::removed, true), (Strings{"-", "-", "-"}));
}

TEST(SplitAt, LosesNothingUnlessToldSo) {
  const std::string text = "aXbXXc";
  const std::vector<Span> marks = {{1, 2}, {3, 4}, {4, 5}};
  for (const auto behavior : {SplitBehavior::isolated, SplitBehavior::merged_with_previous,
                              SplitBehavior::merged_with_next, SplitBehavior::contiguous})
    for (const bool invert : {false, true}) {
      std::string whole;
      for (const std::string& part : parts_of(text, marks, behavior, invert)) whole += part;
      EXPECT_EQ(whole, text);
    }
}

Strings words_of(const std::string& json, const std::string& text) {
  const auto document = nlohmann::json::parse(json);
  PreTokenizer::Words words;
  PreTokenizer::parse(JsonNode(document, "test")).split(text, words);
  return {words.words.begin(), words.words.end()};
}

TEST(PreTokenizer, CutsAsGpt2Does) {
  EXPECT_EQ(words_of(R"({"type":"ByteLevel","add_prefix_space":false})", "don't stop  now\n"),
            (Strings{"don", "'t", " stop", " ", " now", "\n"}));
}

TEST(PreTokenizer, PutsASpaceInFrontWhereAsked) {
  EXPECT_EQ(words_of(R"({"type":"ByteLevel","add_prefix_space":true})", "a b"), (Strings{" a", " b"}));
  EXPECT_EQ(words_of(R"({"type":"ByteLevel","add_prefix_space":true})", " a"), (Strings{" a"}));
}

TEST(PreTokenizer, CutsDigitsOfAnyScript) {
  EXPECT_EQ(
      words_of(
          R"({"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]})",
          "ab12٣½c"),
      (Strings{"ab", "1", "2", "٣", "½", "c"}));
}

TEST(PreTokenizer, RefusesByNameWhatItDoesNotKnow) {
  const auto refuses = [](const std::string& json, const std::string& word) {
    try {
      words_of(json, "a");
      ADD_FAILURE() << json << " was taken";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
    }
  };
  refuses(R"({"type":"Metaspace"})", "'Metaspace'");
  refuses(R"({"type":"Digits"})", "no ByteLevel");
  refuses(R"({"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]})", "pretokenizers[1]");
  refuses(R"({"type":"Split","pattern":{"Regex":"a"},"behavior":"Sideways"})", "'Sideways'");
  refuses(R"({"type":"Split","pattern":{"Glob":"a"},"behavior":"Isolated"})", "Regex");
  refuses(R"({"type":"Split","pattern":{"String":""},"behavior":"Isolated"})", "empty");
  std::string deep = R"({"type":"ByteLevel"})";
  for (int i = 0; i < 1000; ++i) deep = R"({"type":"Sequence","pretokenizers":[)" + deep + "]}";
  refuses(deep, "'Sequence'");
}

}  // namespace
}  // namespace muster::data
