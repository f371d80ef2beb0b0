// The verbs tokenize, detokenize and render as a person calls them.
#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace muster::tests {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/golden";
const std::string kProgram = std::string(MUSTER_BINARY_DIR) + "/bin/muster-runtime";

// A model folder with a small tokenizer and SmolLM2's chat template.
struct Model : TemporaryFolder {
  Model() {
    base::write_file(path() / "tokenizer.json", base::read_file(kGolden / "data/llama3.tokenizer.json"));
    base::write_file(path() / "chat_template.jinja", base::read_file(kGolden / "chat/smollm2.jinja"));
  }
};

// VERB over `input`; the output has what it writes and what it says.
CommandResult run_verb(const Model& model, const std::string& verb, const std::string& input) {
  base::write_file(model.path() / "in.jsonl", input);
  return run_command({kProgram, verb, "--model", model.path(), "--input", model.path() / "in.jsonl", "--output", "-"});
}

TEST(TextVerbs, TokensAndBack) {
  const Model model;
  const CommandResult tokens =
      run_verb(model, "tokenize", "{\"id\":\"a\",\"text\":\"<|im_start|>fox \\u00e9\\u0000\"}\n");
  EXPECT_EQ(tokens.code, 0) << tokens.output;
  const CommandResult text = run_verb(model, "detokenize", tokens.output);
  EXPECT_EQ(text.output, "{\"id\":\"a\",\"text\":\"<bos><|im_start|>fox \u00e9\\u0000\"}\n");
}

TEST(TextVerbs, RendersTheModelsTemplate) {
  const Model model;
  const char* conversation =
      "{\"id\":1,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"add_generation_prompt\":true}\n";
  EXPECT_EQ(run_verb(model, "render", conversation).output,
            "{\"id\":1,\"text\":\"<|im_start|>system\\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
            "Face<|im_end|>\\n<|im_start|>user\\nHi<|im_end|>\\n<|im_start|>assistant\\n\"}\n");
}

TEST(TextVerbs, BadLinesAreNamedAndTheOthersAnswered) {
  const Model model;
  const CommandResult bad =
      run_verb(model, "detokenize", "{\"tokens\":[1.5]}\n{\"tokens\":[0]}\n{\"tokens\":[-1]}\n{\"tokens\":7}\n{\n");
  EXPECT_EQ(bad.code, 2);
  for (const char* part : {"in.jsonl:1: 'tokens' holds 1.5", "{\"text\":\"!\"}", "in.jsonl:3: 'tokens' holds -1",
                           "in.jsonl:4: 'tokens' has to be an array", "in.jsonl:5: this is no JSON"})
    EXPECT_NE(bad.output.find(part), std::string::npos) << part << "\n" << bad.output;
  EXPECT_EQ(run_verb(model, "render", "{\"messages\":[]}\n").code, 2);
  EXPECT_EQ(run_verb(model, "tokenize", "{\"text\":\"\\ud800\"}\n").code, 2);
}

TEST(TextVerbs, GradesByAProgramAsAJobNamesIt) {
  const TemporaryFolder folder;
  const auto input = folder.path() / "in.jsonl";
  base::write_file(input, "{\"id\": \"row 7\", \"answer\": \"4\", \"gold\": \"4\"}\n");
  const auto grade = [&](const std::string& command) {
    return run_command(
        {kProgram, "grade", "--kind", "command", "--command", command, "--input", input, "--output", "-"});
  };
  const std::string script = R"(read -r line; echo '{\"id\": 1, \"reward\": 0.5}'; cat)";
  EXPECT_EQ(grade("[\"sh\", \"-c\", \"" + script + "\"]").output,
            "{\"id\":\"row 7\",\"reward\":0.5,\"outcome\":\"graded\"}\n");
  EXPECT_NE(grade("read -r line; echo '{\"id\": 1, \"score\": 0.5}'; cat").output.find("did you mean"),
            std::string::npos);
  for (const char* bad : {"[python3, ./grade.py]", "[]", "[1]", " "}) EXPECT_EQ(grade(bad).code, 2) << bad;
}

TEST(TextVerbs, WordsAreChecked) {
  for (const char* words :
       {"tokenize", "tokenize --model", "render --modle x", "tokenize --model /nowhere --input /dev/null --output -"}) {
    std::vector<std::string> command = base::split(words, ' ');
    command.insert(command.begin(), kProgram);
    EXPECT_EQ(run_command(command).code, 2) << words;
  }
}

}  // namespace
}  // namespace muster::tests
