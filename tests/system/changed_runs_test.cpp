// Runs that change: extended, begun with the checkpoint of another, exported. Whole programs, the tiny job on a rank.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/files.h"
#include "runtime/base/json_lines.h"
#include "runtime/base/text.h"
#include "runtime/spec/checkpoint.h"
#include "tests/support/command.h"
#include "tests/support/same_run.h"
#include "tests/support/temporary_folder.h"

namespace muster::tests {
namespace {

namespace fs = std::filesystem;
using base::text;

const std::string kMuster = std::string(MUSTER_BINARY_DIR) + "/bin/muster";

class ChangedRuns : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    suite_folder_ = new TemporaryFolder;
    for (const int steps : {4, 6}) {
      const CommandResult result = run_command(job(text("of_", steps), {text("grpo.steps=", steps)}), 120);
      ASSERT_EQ(result.code, 0) << result.output;
    }
  }
  static void TearDownTestSuite() {
    delete suite_folder_;
    suite_folder_ = nullptr;
  }
  static spec::RunPaths paths(const std::string& name) { return {suite_folder_->path() / name}; }
  static std::vector<std::string> job(const std::string& name, const std::vector<std::string>& settings,
                                      const std::string& from = "") {
    std::vector<std::string> command{kMuster, "run", "reverse-digits", "--run-dir", paths(name).folder.string()};
    if (!from.empty()) command.insert(command.end(), {"--from", from});
    for (const char* const setting : {"grpo.prompts_per_step=4", "grpo.samples_per_prompt=4", "train.gbs=0",
                                      "warmup.sft_steps=0", "checkpoint.every=2", "log.samples=-1"})
      command.insert(command.end(), {"--set", setting});
    for (const std::string& setting : settings) command.insert(command.end(), {"--set", setting});
    return command;
  }
  static std::string from(const std::string& name, int step) { return text(paths(name).folder.string(), "@", step); }
  static std::vector<nlohmann::ordered_json> steps(const std::string& name) {
    return base::read_json_lines(paths(name).steps());
  }

  static TemporaryFolder* suite_folder_;
};

TemporaryFolder* ChangedRuns::suite_folder_ = nullptr;

TEST_F(ChangedRuns, OneThatWasExtendedIsTheLongerRun) {
  fs::copy(paths("of_4").folder, paths("extended").folder, fs::copy_options::recursive);
  const std::vector<std::string> again{kMuster, "run", "--run-dir", paths("extended").folder.string()};
  const CommandResult done = run_command(again, 60);
  EXPECT_EQ(done.code, 0);
  EXPECT_NE(done.output.find("all 4 steps of this run are done"), std::string::npos) << done.output;
  std::vector<std::string> longer = again;
  longer.insert(longer.end(), {"--set", "grpo.steps=6"});
  const CommandResult result = run_command(longer, 120);
  EXPECT_EQ(result.code, 0) << result.output;
  EXPECT_NE(result.output.find("grpo.steps 4 -> 6"), std::string::npos) << result.output;
  expect_same_run(paths("extended"), paths("of_6"), 6);
}

TEST_F(ChangedRuns, OneBegunWithACheckpointOfTheSameJobGoesOnAsThatRun) {
  const CommandResult result = run_command(job("begun", {"grpo.steps=6"}, from("of_4", 2)), 120);
  ASSERT_EQ(result.code, 0) << result.output;
  EXPECT_NE(result.output.find("after step 2"), std::string::npos) << result.output;
  EXPECT_EQ(result.output.find("has no line of"), std::string::npos) << result.output;
  EXPECT_EQ(steps("begun").front()["step"], 3);
  EXPECT_EQ(steps("begun").size(), 4u);
  EXPECT_EQ(base::read_file(paths("begun").final_model() / "model.safetensors"),
            base::read_file(paths("of_6").final_model() / "model.safetensors"));
}

TEST_F(ChangedRuns, AnotherRateAndOtherDataBeginWithTheWeightsThatWereLearned) {
  const CommandResult result =
      run_command(job("other", {"grpo.steps=5", "optimizer.lr=0.0005", "seed=5"}, from("of_4", 4)), 120);
  ASSERT_EQ(result.code, 0) << result.output;
  EXPECT_NE(result.output.find("optimizer.lr"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("the data, from its first prompt"), std::string::npos) << result.output;
  ASSERT_EQ(steps("other").size(), 1u);
  EXPECT_EQ(steps("other")[0]["step"], 5);
}

TEST_F(ChangedRuns, ACheckpointOfAnyLayoutIsExportedAsTheModelThatTheRunSaves) {
  const std::map<std::string, std::vector<std::string>> layouts{
      {"dp2", {"train.dp=2", "gen.dp=2"}},
      {"buckets", {"train.dp=2", "gen.dp=2", "train.bucket_params=5000"}},
      {"fsdp2", {"train.dp=2", "gen.dp=2", "train.backend=dtensor", "train.fsdp=1"}},
      {"tp2", {"train.tp=2", "gen.tp=2"}},
      {"pp2", {"train.pp=2", "gen.dp=2", "model.dtype=bf16", "gen.dtype=bf16"}}};
  for (const auto& [name, settings] : layouts) {
    std::vector<std::string> all = settings;
    all.insert(all.end(), {"grpo.steps=2", "train.mbs=4"});
    const CommandResult trained = run_command(job(name, all), 120);
    ASSERT_EQ(trained.code, 0) << name << "\n" << trained.output;
    const fs::path folder = suite_folder_->path() / (name + "_model");
    const CommandResult result = run_command({kMuster, "export", from(name, 2), folder.string()}, 60);
    ASSERT_EQ(result.code, 0) << name << "\n" << result.output;
    for (const char* const file : {"model.safetensors", "config.json", "tokenizer.json"})
      EXPECT_EQ(base::read_file(folder / file), base::read_file(paths(name).final_model() / file)) << name << file;
    const CommandResult again = run_command({kMuster, "export", from(name, 2), folder.string()}, 60);
    EXPECT_EQ(again.code, 2) << again.output;
  }
}

TEST_F(ChangedRuns, ARunIsEvaluatedAsItIsAtAnyOfItsCheckpoints) {
  for (const std::string& word : {paths("of_6").folder.string(), from("of_6", 4)}) {
    const CommandResult result = run_command(
        {kMuster, "evaluate", word, "--json", "--run-dir", text(word, "_evaluated"), "--set", "validate.prompts=8"},
        60);
    ASSERT_EQ(result.code, 0) << result.output;
    const std::size_t begin = result.output.find('{');
    ASSERT_NE(begin, std::string::npos) << result.output;
    const auto object = nlohmann::json::parse(result.output.substr(begin));
    EXPECT_EQ(object.at("job"), "reverse-digits-evaluate");
    EXPECT_EQ(object.at("prompts"), 8);
  }
  EXPECT_TRUE(fs::exists(paths("of_6").folder / "exported" / "step_000004" / "model.safetensors"));
}

TEST_F(ChangedRuns, OneThatCannotBeginLeavesNoFolder) {
  for (const char* const setting : {"grpo.steps=4", "checkpoint.every=0", "train.bucket_params=0"}) {
    const CommandResult result = run_command(job("refused", {"grpo.steps=5", setting}, from("of_4", 4)), 60);
    EXPECT_EQ(result.code, 2) << result.output;
    EXPECT_FALSE(fs::exists(paths("refused").folder)) << setting << "\n" << result.output;
  }
}

}  // namespace
}  // namespace muster::tests
