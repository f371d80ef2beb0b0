#include "runtime/spec/row_template.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::spec {
namespace {

std::string fix_of(const std::string& text) {
  try {
    parse_row_template(text, "data.prompt");
  } catch (const Error& error) {
    EXPECT_EQ(error.faults().at(0).where, "data.prompt");
    return error.faults()[0].fix;
  }
  return "taken";
}

TEST(RowTemplate, EmptyBracesStandForThemselvesAsMathsPromptsWriteThem) {
  EXPECT_EQ(parse_row_template(R"({prompt} Put it in \boxed{}.)", "data.prompt"),
            (std::vector<TemplatePart>{{"prompt", true}, {R"( Put it in \boxed{}.)", false}}));
}

TEST(RowTemplate, DoubledBracesAreOneAndAFieldMayStandWithinThem) {
  EXPECT_EQ(parse_row_template(R"(\boxed{{{a}}} {{...}})", "data.prompt"),
            (std::vector<TemplatePart>{{R"(\boxed{)", false}, {"a", true}, {"} {...}", false}}));
}

TEST(RowTemplate, BracesOfLatexOrJsonAreRefusedWithTheWayToWriteThem) {
  EXPECT_NE(fix_of(R"({prompt} \boxed{...})").find(R"(write \boxed{{...}})"), std::string::npos)
      << fix_of(R"(\boxed{...})");
  EXPECT_NE(fix_of(R"({prompt} \boxed{answer})").find(R"(\boxed{{answer}} for LaTeX)"), std::string::npos);
  EXPECT_NE(fix_of("{prompt} x^{2}").find("write ^{{2}}"), std::string::npos);
  EXPECT_NE(fix_of("{prompt} {...}").find("write {{...}}"), std::string::npos);
  EXPECT_NE(fix_of(R"({"answer": 1} {prompt})").find(R"(write {{"answer": 1}})"), std::string::npos);
  for (const char* text : {"{", "{a", "a}", "{a{b}}", "{{a}", "}", "{a..b}", "{ a}"})
    EXPECT_NE(fix_of(text), "taken") << text;
}

TEST(RowTemplate, NamesWithDotsBlanksAndUnderscoresAreFields) {
  for (const char* name : {"prompt.0.content", "the question", "id_1", "题目", "a-b", "x(y)"})
    EXPECT_EQ(parse_row_template("q_{" + std::string(name) + "}", "k").back(), (TemplatePart{name, true})) << name;
}

}  // namespace
}  // namespace muster::spec
