#include "runtime/data/row_reader.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/data/tokenizer.h"
#include "runtime/spec/job_schema.h"
#include "tests/support/temporary_folder.h"

namespace muster::data {
namespace {

class RowReaderTest : public testing::Test {
 protected:
  RowReaderTest()
      : tokenizer_(Tokenizer::read(std::string(MUSTER_SOURCE_DIR) + "/tests/golden/data/gpt2.tokenizer.json")) {}
  Prompt read(const spec::DataSource& source, const std::string& line) const {
    return RowReader({.prompt = "Q: {prompt}", .answer = "{answer}"}, source, tokenizer_).read(line);
  }
  Tokenizer tokenizer_;
};

TEST_F(RowReaderTest, SchemasNameTheFieldsOfKnownDataSets) {
  const Prompt open_math =
      read({.schema = "openmathinstruct-2"},
           R"({"problem":"1 + 1?","generated_solution":"2","expected_answer":"2","problem_source":"x"})");
  EXPECT_EQ(open_math.text, "Q: 1 + 1?");
  EXPECT_EQ(open_math.gold, "2");
  const Prompt dapo =
      read({.schema = "dapo-math-17k"},
           R"({"prompt":[{"content":"Solve","role":"user"}],"reward_model":{"ground_truth":"34","style":"rule"}})");
  EXPECT_EQ(dapo.text, "Q: Solve");
  EXPECT_EQ(dapo.gold, "34");
  for (const std::string& name : spec::data_schemas()) EXPECT_NO_THROW(field_names({.schema = name})) << name;
  EXPECT_THROW(field_names({.schema = "unknown"}), Error);
}

TEST_F(RowReaderTest, OnlyASchemaThatRepeatsRowsIsDeduplicatedUnasked) {
  using spec::Switch;
  EXPECT_TRUE(is_deduplicated({}, {.schema = "dapo-math-17k"}));
  EXPECT_FALSE(is_deduplicated({}, {.schema = "openmathinstruct-2"}));
  EXPECT_FALSE(is_deduplicated({}, {}));
  EXPECT_FALSE(is_deduplicated({.deduplicate = Switch::off}, {.schema = "dapo-math-17k"}));
  EXPECT_TRUE(is_deduplicated({.deduplicate = Switch::on}, {}));
}

TEST_F(RowReaderTest, AJobMapsTheFieldsOfAnyOther) {
  const spec::DataSource source{.prompt_field = "question", .answer_field = "meta.0.final"};
  EXPECT_EQ(read(source, R"({"question":"How many?","meta":[{"final":7}]})").gold, "7");
  EXPECT_EQ(read({.schema = "openmathinstruct-2", .answer_field = "short"}, R"({"problem":"p","short":"s"})").gold,
            "s");
  const RowReader reader({.prompt = "{prompt} {hint}", .answer = "{answer}"}, source, tokenizer_);
  EXPECT_EQ(reader.fields(), (std::vector<std::string>{"question", "hint", "meta.0.final"}));
}

TEST_F(RowReaderTest, AChatTemplateMakesThePromptAUsersTurn) {
  const auto text = [&](const spec::DataJob& data) {
    return RowReader(data, {}, tokenizer_).read(R"({"prompt":"Hi","answer":"a"})").text;
  };
  EXPECT_EQ(text({.chat_template = "chatml"}), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(text({.chat_template = "chatml", .system = "Be brief."}),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_THROW(RowReader({.chat_template = "model"}, {}, tokenizer_, "/nowhere"), Error);
}

TEST_F(RowReaderTest, APromptDoesNotDependOnTheDay) {
  tests::TemporaryFolder model;
  base::write_file(model.path() / "chat_template.jinja",
                   "{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}no clock{% endif %}: "
                   "{{ messages[0].content }}");
  const RowReader reader({.chat_template = "model"}, {}, tokenizer_, model.path());
  EXPECT_EQ(reader.read(R"({"prompt":"Hi","answer":"a"})").text, "no clock: Hi");
}

TEST_F(RowReaderTest, AListOfTurnsStandsInsteadOfThePrompt) {
  const RowReader reader({.chat_template = "chatml", .messages_field = "dialog.turns"}, {}, tokenizer_);
  EXPECT_EQ(reader.fields(), (std::vector<std::string>{"dialog.turns", "answer"}));
  EXPECT_EQ(
      reader
          .read(R"({"dialog":{"turns":[{"role":"system","content":"s"},{"role":"user","content":"u"}]},"answer":"a"})")
          .text,
      "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n");
  const auto refusal = [&](const char* line) -> std::string {
    try {
      return reader.read(line).text;
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(refusal(R"({"dialog":{"turns":"text"},"answer":"a"})"),
            "field 'dialog.turns' is no list of chat turns but string");
  EXPECT_EQ(refusal(R"({"dialog":{"turn":[]},"answer":"a"})"),
            "field 'dialog.turns' is missing; 'dialog' has turn: did you mean 'dialog.turn'?");
}

TEST_F(RowReaderTest, AGoldAnswerKeepsTheDigitsOfTheRow) {
  EXPECT_EQ(read({}, R"({"prompt":"2^64?","answer":18446744073709551616})").gold, "18446744073709551616");
  EXPECT_EQ(read({}, R"({"prompt":"p","answer":1e-7})").gold, "1e-7");
}

TEST_F(RowReaderTest, DeepRowsAreRefusedWithoutAPlace) {
  try {
    read({}, R"({"prompt":"a","answer":"b","x":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}");
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_TRUE(error.faults().at(0).where.empty());
    EXPECT_NE(std::string(error.what()).find("nested deeper"), std::string::npos);
  }
}

}  // namespace
}  // namespace muster::data
