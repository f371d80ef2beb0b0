#include "runtime/data/tokenizer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/data/builtin_tasks.h"
#include "tests/support/temporary_folder.h"

namespace muster::data {
namespace {

using nlohmann::json;
using Ids = std::vector<std::int32_t>;

json small_file() {
  return json::parse(base::read_file(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/data/llama3.tokenizer.json"));
}

void expect_refused(const std::string& text, const std::string& word) {
  try {
    Tokenizer::parse(text, "tokenizer.json");
    ADD_FAILURE() << "taken, though " << word;
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(std::string(error.what()).find("tokenizer.json"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
  }
}

TEST(Tokenizer, SpecialTokensOfTheTextAreRecognisedAndTheTemplateIsOnRequest) {
  const Tokenizer tokenizer = Tokenizer::parse(small_file().dump(), "tokenizer.json");
  const std::int32_t bos = tokenizer.token_id("<bos>").value(), start = tokenizer.token_id("<|im_start|>").value();
  EXPECT_EQ(tokenizer.encode("<|im_start|>", false), Ids{start});
  EXPECT_EQ(tokenizer.encode("<|im_start|>", true), (Ids{bos, start}));
  EXPECT_EQ(tokenizer.decode(Ids{bos, start}, false), "<bos><|im_start|>");
  EXPECT_EQ(tokenizer.decode(Ids{bos, start}, true), "");
}

TEST(Tokenizer, APromptHasOneBosAndNothingBehindIt) {
  json file = small_file();
  const Tokenizer tokenizer = Tokenizer::parse(file.dump(), "tokenizer.json");
  const std::int32_t bos = tokenizer.token_id("<bos>").value();
  Ids expected = tokenizer.encode("fox", false);
  expected.insert(expected.begin(), bos);
  EXPECT_EQ(tokenizer.encode_prompt("fox"), expected);
  EXPECT_EQ(tokenizer.encode_prompt("<bos>fox"), expected) << "one is written in the text";
  json with_end = file;
  for (json& processor : with_end["post_processor"]["processors"])
    if (processor["type"] == "TemplateProcessing")
      processor["single"].push_back({{"SpecialToken", {{"id", "<bos>"}, {"type_id", 0}}}});
  const Tokenizer ending = Tokenizer::parse(with_end.dump(), "tokenizer.json");
  ASSERT_EQ(ending.encode("fox", true).back(), bos);
  EXPECT_EQ(ending.encode_prompt("fox"), expected);
}

TEST(Tokenizer, IdsThatNoTokenHasAreLeftOut) {
  const Tokenizer tokenizer = Tokenizer::parse(small_file().dump(), "tokenizer.json");
  const Ids ids = tokenizer.encode("fox", false);
  Ids odd = {-1, 1 << 30};
  odd.insert(odd.end(), ids.begin(), ids.end());
  EXPECT_EQ(tokenizer.decode(odd, false), "fox");
}

TEST(Tokenizer, TextThatIsNoUtf8IsRefused) {
  const Tokenizer tokenizer = Tokenizer::parse(small_file().dump(), "tokenizer.json");
  EXPECT_THROW(tokenizer.encode("a\xFF", false), Error);
}

TEST(Tokenizer, MayBeUsedBySeveralThreads) {
  const Tokenizer tokenizer = Tokenizer::parse(small_file().dump(), "tokenizer.json");
  const std::string text = "The quick brown fox <|im_start|> jumps 1234 times";
  const Ids expected = tokenizer.encode(text, true);
  std::vector<std::jthread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) wrong += tokenizer.encode(text, true) != expected;
    });
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST(Tokenizer, AFileCutOffAnywhereIsOneClearError) {
  const std::string text = small_file().dump();
  for (std::size_t size = 0; size < text.size(); size += 97) expect_refused(text.substr(0, size), "this is no JSON");
}

// Whatever single value of the file is replaced by nonsense: an error of the user's kind, or a tokenizer that works.
TEST(Tokenizer, NonsenseInAnyPlaceNeverCrashes) {
  const json file = small_file();
  json flat = file.flatten();
  std::vector<std::string> places;
  for (const auto& [place, value] : flat.items()) places.push_back(place);
  const std::vector<json> nonsense = {nullptr,
                                      -1,
                                      1e300,
                                      18446744073709551615u,
                                      "",
                                      "x",
                                      "ByteLevel",
                                      "Sequence",
                                      true,
                                      json::array(),
                                      json::object(),
                                      json::array({nullptr})};
  const base::RandomKey key(7, base::Purpose::test);
  int refused = 0;
  for (std::uint64_t i = 0; i < 600; ++i) {
    const auto words = key.at(i);
    // Half of the draws outside vocabulary and merges, which are most of the file.
    std::string place = places[words[0] % places.size()];
    for (std::uint32_t tries = 0;
         i % 2 == 0 && tries < 100 && (place.starts_with("/model/vocab") || place.starts_with("/model/merges"));
         ++tries)
      place = places[(words[0] + tries * 7919) % places.size()];
    json broken = file;
    json::json_pointer pointer(place);
    for (std::uint32_t up = words[2] % 3; up > 0 && !pointer.empty(); --up) pointer.pop_back();
    broken[pointer] = nonsense[words[1] % nonsense.size()];
    try {
      Tokenizer::parse(broken.dump(), "tokenizer.json").encode("The quick brown fox <|im_start|> 12", true);
    } catch (const Error& error) {
      ASSERT_EQ(error.exit_code(), 2) << pointer.to_string() << ": " << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 300);
}

TEST(Tokenizer, EachFaultIsNamedWithItsPlace) {
  const auto with = [](const char* place, const json& value) {
    json file = small_file();
    file[json::json_pointer(place)] = value;
    return file.dump();
  };
  expect_refused("", "this is no JSON");
  expect_refused("[]", "an object is expected");
  expect_refused("{}", "'model' is missing");
  expect_refused(std::string(100'000, '['), "this is no JSON");
  expect_refused("{\"model\": \"\xFF\"}", "this is no JSON");
  expect_refused(with("/normalizer", {{"type", "Lowercase"}}), "normalizer: type 'Lowercase'");
  expect_refused(with("/pre_tokenizer", nullptr), "pre_tokenizer: an object is expected");
  expect_refused(with("/pre_tokenizer/pretokenizers/0/pattern/Regex", "("), "pre_tokenizer.pretokenizers[0].pattern");
  expect_refused(with("/decoder", {{"type", "WordPiece"}}), "decoder: type 'WordPiece'");
  expect_refused(with("/post_processor", {{"type", "RobertaProcessing"}}), "post_processor: type 'RobertaProcessing'");
  expect_refused(with("/post_processor/processors/1/special_tokens/<bos>/ids/0", 100'000),
                 "ids[0]: 100000 is out of range");
  expect_refused(with("/added_tokens/0/id", 0), "which is");
  expect_refused(with("/added_tokens/0/id", 901), "added_tokens[1]: id 901 is there twice");
  expect_refused(with("/added_tokens/0/id", 4294967296), "added_tokens[0].id: 4294967296 is out of range");
  expect_refused(with("/added_tokens/0/id", 16777215), "the table of ids would be mostly empty");
  expect_refused(with("/added_tokens/0/content", ""), "added_tokens[0]: the content is empty");
  expect_refused(with("/added_tokens/0/content", "<bos>"), "'<bos>' is there twice");
  expect_refused(with("/model/vocab", json::object()), "model.merges[0]");
}

TEST(Tokenizer, AMissingFileIsNamed) {
  tests::TemporaryFolder folder;
  try {
    Tokenizer::read(folder.path());
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find((folder.path() / "tokenizer.json").string()), std::string::npos)
        << error.what();
  }
}

TEST(DigitsTokenizer, IsTheOneThatTheTinyJobShips) {
  tests::TemporaryFolder folder;
  write_digits_tokenizer(folder.path());
  EXPECT_EQ(
      json::parse(base::read_file(folder.path() / "tokenizer.json")),
      json::parse(base::read_file(std::string(MUSTER_SOURCE_DIR) + "/templates/models/reverse-digits/tokenizer.json")));
  const Tokenizer tokenizer = Tokenizer::read(folder.path());
  EXPECT_EQ(tokenizer.vocabulary_size(), 14);
  EXPECT_EQ(tokenizer.encode("<bos>1234=", false), (Ids{10, 1, 2, 3, 4, 11}));
  EXPECT_EQ(tokenizer.decode(Ids{4, 3, 2, 1, 12}, true), "4321");
}

}  // namespace
}  // namespace muster::data
