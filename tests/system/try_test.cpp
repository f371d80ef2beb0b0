// What `muster try`, `run` and `plan` say of data and reward before a run folder is made. Whole programs, no ranks.
#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace muster::tests {
namespace {

namespace fs = std::filesystem;
using base::text;

const std::string kMuster = std::string(MUSTER_BINARY_DIR) + "/bin/muster";

class Try : public testing::Test {
 protected:
  Try() {
    std::string rows;
    for (int i = 0; i < 20; ++i) rows += text("{\"digits\": \"", 1000 + i, "\", \"final\": \"", i, "\"}\n");
    base::write_file(folder_.path() / "rows.jsonl", rows);
    base::write_file(folder_.path() / "grade.sh",
                     "while read -r line; do id=${line#*:}; echo \"{\\\"id\\\": ${id%%,*}, \\\"$1\\\": 1}\"; done\n");
  }
  CommandResult call(const std::string& verb, const std::vector<std::string>& settings) const {
    std::vector<std::string> command{kMuster, verb, "reverse-digits"};
    if (verb == "run") command.insert(command.end(), {"--run-dir", run().string()});
    command.insert(command.end(), {"--set", text("data.path=", (folder_.path() / "rows.jsonl").string()), "--set",
                                   "data.answer={final}"});
    for (const std::string& setting : settings) command.insert(command.end(), {"--set", setting});
    return run_command(command, 60);
  }
  std::string program(const std::string& name) const {
    return text("reward.command=[\"sh\", \"", (folder_.path() / "grade.sh").string(), "\", \"", name, "\"]");
  }
  fs::path run() const { return folder_.path() / "run"; }

  TemporaryFolder folder_;
};

TEST_F(Try, AGoodJobShowsItsFirstPromptLengthsAndRewards) {
  const CommandResult result = call("try", {});
  EXPECT_EQ(result.code, 0) << result.output;
  for (const char* const words :
       {"20 rows; prompts of 6 tokens (median)", "<bos>1000=", "gold answer   0", "reward        1.000  of \"0\""})
    EXPECT_NE(result.output.find(words), std::string::npos) << words << "\n" << result.output;
}

TEST_F(Try, APlanShowsTheFirstPrompt) {
  const CommandResult result = call("plan", {});
  EXPECT_EQ(result.code, 0) << result.output;
  EXPECT_NE(result.output.find("rows.jsonl:1, 6 tokens"), std::string::npos) << result.output;
}

TEST_F(Try, WhatWouldEndTheRunEndsItBeforeItHasAFolder) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
      {{"data.prompt=<bos>{digit}="}, "field 'digit' is missing"},
      {{"data.answer={finale}"}, "did you mean 'final'"},
      {{"grpo.max_sequence_tokens=6", "sampling.max_new_tokens=1"}, "raise grpo.max_sequence_tokens"},
      {{"data.held_out=20"}, "leaves none to train on"},
      {{"sampling.stop=[\"<nothing>\"]"}, "is no token of the model"},
      {{"reward.kind=command", "reward.command=[\"no-such-program\"]"}, "no-such-program"},
      {{"reward.kind=command", program("score")}, "no \"reward\""}};
  for (const auto& [settings, words] : mistakes) {
    const CommandResult result = call("run", settings);
    EXPECT_EQ(result.code, 2) << words << "\n" << result.output;
    EXPECT_NE(result.output.find(words), std::string::npos) << words << "\n" << result.output;
    EXPECT_FALSE(fs::exists(run())) << words;
  }
}

TEST_F(Try, ARewardThatTellsAnswersNotApartIsAWarning) {
  const CommandResult result = call("try", {"reward.kind=command", program("reward")});
  EXPECT_EQ(result.code, 0) << result.output;
  EXPECT_NE(result.output.find("the same: 1.000"), std::string::npos) << result.output;
}

TEST_F(Try, TheProgramGetsOnlyWhatARunGivesIt) {
  base::write_file(folder_.path() / "grade.sh",
                   "test -z \"$MUSTER_TEST_SECRET\" || exit 9\n" + base::read_file(folder_.path() / "grade.sh"));
  ::setenv("MUSTER_TEST_SECRET", "1", 1);
  const CommandResult without = call("try", {"reward.kind=command", program("reward"), "reward.timeout_s=2"});
  EXPECT_EQ(without.output.find("code 9"), std::string::npos) << without.output;
  const CommandResult with = call("try", {"reward.kind=command", program("reward"), "reward.timeout_s=2",
                                          "reward.environment=[\"MUSTER_TEST_SECRET\"]"});
  ::unsetenv("MUSTER_TEST_SECRET");
  EXPECT_EQ(with.code, 2) << with.output;
  EXPECT_NE(with.output.find("code 9"), std::string::npos) << with.output;
}

}  // namespace
}  // namespace muster::tests
