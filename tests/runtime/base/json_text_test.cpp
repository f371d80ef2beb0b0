#include "runtime/base/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "runtime/base/utf8.h"

namespace muster::base {
namespace {

TEST(JsonText, DepthCountsWhatIsNoText) {
  EXPECT_EQ(json_depth("1"), 0);
  EXPECT_EQ(json_depth(R"({"a": [1, {"b": "]]]][[[["}], "c\"[": []})"), 3);
  EXPECT_EQ(json_depth(std::string(1'000'000, '['), 10), 11) << "no deeper than it has to look";
}

TEST(JsonText, WhatIsMeantIsRead) {
  EXPECT_EQ(parse_json(R"({"a": [1, 2]})", "file")["a"][1], 2);
  const std::string deep = std::string(kDeepestJson, '[') + std::string(kDeepestJson, ']');
  EXPECT_TRUE(parse_json(deep, "file").is_array());
}

TEST(JsonText, HostileTextEndsInOneError) {
  const auto refusal = [](const std::string& text) -> std::string {
    try {
      parse_json(text, "rows.jsonl:7", "mend it");
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      return error.what();
    }
    return "taken";
  };
  EXPECT_NE(refusal(std::string(100'000, '[') + std::string(100'000, ']')).find("deeper than 200"), std::string::npos);
  EXPECT_NE(refusal("{\"a\":\n 1").find("line 2, column"), std::string::npos);
  EXPECT_NE(refusal("{\"a\":\"\xFF\"}").find("rows.jsonl:7: this is no JSON"), std::string::npos);
  EXPECT_TRUE(is_utf8(refusal("{\"a\":\"\xFF\"}"))) << "what is said goes into records";
  EXPECT_NE(refusal("\"\\ud800\"").find("surrogate"), std::string::npos);
  EXPECT_LT(refusal("\"" + std::string(1'000'000, 'a')).size(), 500u) << "the text is not quoted whole";
  EXPECT_NE(refusal("1e999").find("number overflow"), std::string::npos);
}

TEST(JsonText, TextThatIsNoUtf8IsWrittenWithItsReplacement) {
  const std::string bad = "row 3: 1\x9d";
  EXPECT_EQ(json_text(nlohmann::ordered_json{{"sentence", bad}}), "{\"sentence\":\"row 3: 1\xEF\xBF\xBD\"}");
  EXPECT_EQ(json_text(nlohmann::json::array({bad}), 1), "[\n \"row 3: 1\xEF\xBF\xBD\"\n]");
}

TEST(JsonText, NumbersOfPythonThatAreNoneBecomeText) {
  const std::string quoted =
      with_quoted_non_finite(R"({"a": [0.0, Infinity], "NaN \" Infinity": -Infinity, "c": NaN})");
  EXPECT_EQ(quoted, R"({"a": [0.0, "Infinity"], "NaN \" Infinity": "-Infinity", "c": "NaN"})");
}

TEST(JsonText, OneMemberIsReplacedAndTheRestStays) {
  const std::string text =
      "{\n  \"eps\": 1e-05,\n  \"in\": {\"dtype\": 1, \"s\": \"}\"},\n  \"dtype\": \"float32\"\n}\n";
  EXPECT_EQ(with_member(text, "dtype", "\"bfloat16\""),
            "{\n  \"eps\": 1e-05,\n  \"in\": {\"dtype\": 1, \"s\": \"}\"},\n  \"dtype\": \"bfloat16\"\n}\n");
  EXPECT_EQ(with_member(text, "in", "[]"), "{\n  \"eps\": 1e-05,\n  \"in\": [],\n  \"dtype\": \"float32\"\n}\n");
  EXPECT_EQ(with_member(R"({"a":{"b":[1]},"c":2})", "a", "7"), R"({"a":7,"c":2})");
}

TEST(JsonText, AMemberThatIsMissingIsAddedAtTheEnd) {
  EXPECT_EQ(with_member("{\n  \"a\": [1, 2]\n}", "b", "3"), "{\n  \"a\": [1, 2],\n  \"b\": 3\n}");
  EXPECT_EQ(with_member("{}", "b", "3"), R"({"b": 3})");
  EXPECT_EQ(with_member(R"({"a": "b"})", "b", "3"), R"({"a": "b","b": 3})");
}

}  // namespace
}  // namespace muster::base
