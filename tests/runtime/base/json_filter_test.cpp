#include "runtime/base/json_filter.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/json_text.h"
#include "tests/support/temporary_folder.h"

namespace muster::base {
namespace {

using nlohmann::ordered_json;

struct Filtered {
  std::string output, error;
  int exit_code = 0;
};

// Doubles "n"; a line without it is refused.
Filtered doubled(const std::string& input) {
  tests::TemporaryFolder folder;
  const std::string in = folder.path() / "in.jsonl", out = folder.path() / "out.jsonl";
  write_file(in, input);
  Filtered made;
  try {
    filter_json_lines(in, out, [](const ordered_json& object) {
      if (!object.contains("n")) throw Error::user({.what = "key 'n' is missing"});
      return ordered_json{{"twice", 2 * object["n"].get<int>()}};
    });
  } catch (const Error& error) {
    made.exit_code = error.exit_code();
    made.error = error.what();
    for (std::size_t at; (at = made.error.find(in)) != std::string::npos;) made.error.replace(at, in.size(), "in");
  }
  made.output = read_file(out);
  return made;
}

TEST(JsonFilter, AnswersInOrderWithTheId) {
  const Filtered made = doubled("{\"n\":1,\"id\":\"a\"}\n\n  \r\n{\"n\":2}\n{\"id\":[3],\"n\":3}");
  EXPECT_EQ(made.error, "");
  EXPECT_EQ(made.output, "{\"id\":\"a\",\"twice\":2}\n{\"twice\":4}\n{\"id\":[3],\"twice\":6}\n");
}

TEST(JsonFilter, EveryBadLineIsNamedAndTheGoodOnesAreAnswered) {
  const Filtered made = doubled("{\"n\":1}\n{\"n\":\n[1]\n{}\n{\"n\":\"\xFF\"}\n{\"n\":5}\n");
  EXPECT_EQ(made.output, "{\"twice\":2}\n{\"twice\":10}\n");
  EXPECT_EQ(made.exit_code, 2);
  for (const char* part : {"in:2: this is no JSON", "in:3: an object is expected here, not array",
                           "in:4: key 'n' is missing", "in:5: this is no JSON"})
    EXPECT_NE(made.error.find(part), std::string::npos) << part << "\n" << made.error;
}

TEST(JsonFilter, ManyBadLinesAreCounted) {
  std::string input;
  for (int i = 0; i < 1000; ++i) input += "{}\n";
  const Filtered made = doubled(input);
  EXPECT_NE(made.error.find("in:20: "), std::string::npos) << made.error;
  EXPECT_EQ(made.error.find("in:21: "), std::string::npos) << made.error;
  EXPECT_NE(made.error.find("980 more lines are refused"), std::string::npos) << made.error;
}

TEST(JsonFilter, ALineWithoutAnEndIsRefusedAndNotHeld) {
  const Filtered made = doubled("{\"n\":1}\n" + std::string(65 << 20, 'x') + "\n{\"n\":2}\n");
  EXPECT_EQ(made.output, "{\"twice\":2}\n{\"twice\":4}\n");
  EXPECT_NE(made.error.find("in:2: the line is longer than 64.0 MiB"), std::string::npos) << made.error;
}

TEST(JsonFilter, DeepNestingIsRefused) {
  EXPECT_EQ(json_depth(R"({"a": [1, {"b[[": "\"[[\\"}], "c": []})"), 3);
  const auto nested = [](int depth) {
    return "{\"id\":" + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + ",\"n\":1}\n";
  };
  EXPECT_EQ(doubled(nested(199)).error, "");
  EXPECT_NE(doubled(nested(2'000'000)).error.find("in:1: arrays and objects are nested deeper than 200"),
            std::string::npos);
}

TEST(JsonFilter, AMissingFileIsNamed) {
  EXPECT_THROW(filter_json_lines("/no/such/file", "/dev/null", {}), Error);
  EXPECT_THROW(filter_json_lines("/dev/null", "/no/such/file", {}), Error);
}

}  // namespace
}  // namespace muster::base
