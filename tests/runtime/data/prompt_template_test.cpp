#include "runtime/data/prompt_template.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/base/error.h"

namespace muster::data {
namespace {

const nlohmann::json kRow = nlohmann::json::parse(
    R"({"a":3,"b":4.5,"text":"x {a} y","nested":{"answer":"7"},"turns":[{"content":"hello"}],"dotted.key":"whole","none":null,"flag":true})");

std::string filled(const std::string& text) { return PromptTemplate::parse(text, "data.prompt").filled(kRow); }

TEST(PromptTemplate, FillsFieldsAndKeepsTheRest) {
  EXPECT_EQ(filled("What is {a} + {b}?"), "What is 3 + 4.5?");
  EXPECT_EQ(filled("{a}{a}"), "33");
  EXPECT_EQ(filled(""), "");
  EXPECT_EQ(filled("{text}"), "x {a} y") << "what a field brings is not filled again";
}

TEST(PromptTemplate, DoubledBracesStandForThemselves) { EXPECT_EQ(filled("\\boxed{{{a}}} {{}}"), "\\boxed{3} {}"); }

TEST(PromptTemplate, EmptyBracesStandForThemselves) { EXPECT_EQ(filled("{a} in \\boxed{}"), "3 in \\boxed{}"); }

TEST(PromptTemplate, ReachesIntoRows) {
  EXPECT_EQ(filled("{nested.answer} {turns.0.content} {dotted.key}"), "7 hello whole");
}

TEST(PromptTemplate, RefusesWhatDoesNotClose) {
  for (const char* text : {"{", "{a", "a}", "{a{b}}", "{{a}", "}"})
    EXPECT_THROW(PromptTemplate::parse(text, "data.prompt"), Error) << text;
}

TEST(PromptTemplate, NamesTheFieldThatIsMissing) {
  for (const char* text : {"{c}", "{nested.other}", "{turns.1.content}", "{turns.x}", "{turns.99999999999999999999}",
                           "{none}", "{flag}", "{nested}"}) {
    try {
      filled(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("'" + std::string(text).substr(1, 1)), std::string::npos)
          << error.what();
    }
  }
}

}  // namespace
}  // namespace muster::data
