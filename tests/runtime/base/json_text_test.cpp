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

}  // namespace
}  // namespace muster::base
