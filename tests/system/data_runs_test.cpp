// Whole runs over files: the index is made before the ranks, held-out rows are looked at while the model learns, and
// `muster evaluate` looks at a model alone.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/base/files.h"
#include "runtime/base/json_lines.h"
#include "runtime/spec/plan.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace muster {
namespace {

using nlohmann::ordered_json;

class DataRuns : public testing::Test {
 protected:
  std::string file(const std::string& name, int first, int count) {
    const std::string path = (folder_.path() / name).string();
    std::ofstream rows(path);
    for (int i = first; i < first + count; ++i) {
      const std::string digits = std::to_string(i);
      rows << R"({"digits":")" << digits << R"(","answer":")" << std::string(digits.rbegin(), digits.rend()) << "\"}\n";
    }
    return path;
  }
  spec::RunPaths paths(const std::string& name) const { return {folder_.path() / name}; }

  tests::CommandResult muster(const std::string& verb, const std::string& name,
                              const std::vector<std::string>& assignments, std::vector<std::string> more = {}) {
    std::vector<std::string> command{MUSTER_BINARY_DIR "/bin/muster", verb, "reverse-digits", "--run-dir",
                                     paths(name).folder.string()};
    command.insert(command.end(), more.begin(), more.end());
    for (const std::string& assignment : assignments) {
      command.emplace_back("--set");
      command.push_back(assignment);
    }
    return tests::run_command(command, 120);
  }

  tests::TemporaryFolder folder_;
};

TEST_F(DataRuns, HeldOutRowsAreLookedAtWhileTheModelLearnsAndAloneAfterwards) {
  const std::string rows = file("rows.jsonl", 1000, 300);
  const std::vector<std::string> data{"data.path=" + rows, "data.held_out=40", "validate.prompts=30",
                                      "validate.samples_per_prompt=3"};
  std::vector<std::string> assignments = data;
  for (const char* more : {"validate.every=2", "validate.at_start=true", "grpo.steps=3", "warmup.sft_steps=24",
                           "log.samples=-1", "gen.dp=2", "train.dp=2"})
    assignments.emplace_back(more);
  const tests::CommandResult result = muster("run", "run", assignments);
  ASSERT_EQ(result.code, 0) << result.output;
  EXPECT_NE(result.output.find("rows.jsonl: 300 rows of"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("held out"), std::string::npos) << result.output;

  const auto looks = base::read_json_lines(paths("run").validation());
  ASSERT_EQ(looks.size(), 3u) << "before step 1, after step 2, after the last";
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(looks[i]["step"], (std::vector<int>{0, 2, 3})[i]);
  EXPECT_EQ(looks[0]["prompts"], 30);
  for (const ordered_json& look : looks) {
    EXPECT_LE(look["pass_1"].get<double>(), look["pass_k"].get<double>());
    EXPECT_EQ(look["pass_1"], look["mean_k"]) << "rewards are 0 or 1";
  }
  std::set<std::int64_t> held_out, trained;
  for (const ordered_json& line : base::read_json_lines(paths("run").validation_samples()))
    held_out.insert(line["prompt_index"].get<std::int64_t>());
  for (const ordered_json& line : base::read_json_lines(paths("run").samples()))
    trained.insert(line["prompt_index"].get<std::int64_t>());
  EXPECT_EQ(held_out.size(), 30u);
  EXPECT_GT(trained.size(), 50u);
  for (const std::int64_t row : held_out) EXPECT_FALSE(trained.contains(row)) << row;

  const tests::CommandResult alone =
      muster("evaluate", "alone", data, {"--model", paths("run").final_model().string()});
  ASSERT_EQ(alone.code, 0) << alone.output;
  EXPECT_NE(alone.output.find("30 prompts x 3 samples"), std::string::npos) << alone.output;
  EXPECT_NE(alone.output.find("maj@3"), std::string::npos) << alone.output;
  const auto look = base::read_json_lines(paths("alone").validation());
  ASSERT_EQ(look.size(), 1u);
  for (const char* figure : {"pass_1", "pass_k", "maj_k", "mean_answer_tokens"})
    EXPECT_EQ(look[0][figure], looks[2][figure]) << figure << ": the same weights, prompts and noise";
}

TEST_F(DataRuns, SeveralSourcesAreMixedByWeightAndTooManyBrokenRowsStopTheRun) {
  const std::string few = file("few.jsonl", 1000, 40), many = file("many.jsonl", 2000, 400);
  const std::string sources = "data.sources=[{path=\"" + few + "\", weight=3}, {path=\"" + many + "\", weight=1}]";
  const std::vector<std::string> assignments{
      "data.path=\"\"", sources, "grpo.steps=2", "warmup.sft_steps=0", "warmup.stop_at_reward=0", "log.samples=-1"};
  const tests::CommandResult result = muster("run", "mixed", assignments);
  ASSERT_EQ(result.code, 0) << result.output;
  double from_few = 0, all = 0;
  for (const ordered_json& line : base::read_json_lines(paths("mixed").samples())) {
    from_few += line["prompt_index"].get<std::int64_t>() < 40 ? 1 : 0;
    all += 1;
  }
  EXPECT_NEAR(from_few / all, 0.75, 0.12);

  std::ofstream broken(few, std::ios::app);
  for (int i = 0; i < 20; ++i) broken << "{\"digits\":\"1\"}\n";
  broken.close();
  const tests::CommandResult refused = muster("run", "refused", assignments);
  EXPECT_EQ(refused.code, 2) << refused.output;
  EXPECT_NE(refused.output.find("20 of 60 rows are refused"), std::string::npos) << refused.output;
  EXPECT_NE(refused.output.find("few.jsonl:41: field 'answer' is missing"), std::string::npos) << refused.output;
  EXPECT_FALSE(std::filesystem::exists(paths("refused").rank_log(0, 0))) << "no rank was started";
}

TEST_F(DataRuns, AProblemThatStandsManyTimesIsNotBothTrainedOnAndValidated) {
  const std::string once = file("once.jsonl", 1000, 60), path = (folder_.path() / "rows.jsonl.gz").string();
  std::string rows;
  for (int round = 0; round < 20; ++round) rows += base::read_file(once);
  base::write_file(folder_.path() / "rows.jsonl", rows);
  ASSERT_EQ(tests::run_command({"gzip", (folder_.path() / "rows.jsonl").string()}, 20).code, 0);
  const tests::CommandResult result =
      muster("run", "run",
             {"data.path=" + path, "data.held_out=20", "validate.prompts=20", "validate.every=2", "grpo.steps=3",
              "warmup.sft_steps=0", "warmup.stop_at_reward=0", "log.samples=-1"});
  ASSERT_EQ(result.code, 0) << result.output;
  EXPECT_NE(result.output.find("1200 rows hold 60 different prompts (one of them 20 times)"), std::string::npos)
      << result.output;
  std::set<std::string> held_out, trained;
  for (const ordered_json& line : base::read_json_lines(paths("run").validation_samples()))
    held_out.insert(line["prompt"]);
  for (const ordered_json& line : base::read_json_lines(paths("run").samples())) trained.insert(line["prompt"]);
  EXPECT_EQ(held_out.size(), 20u) << "each once";
  EXPECT_GT(trained.size(), 30u);
  for (const std::string& prompt : held_out) EXPECT_FALSE(trained.contains(prompt)) << prompt;
}

TEST_F(DataRuns, AResumedRunWhoseDataHasChangedIsRefusedUnlessThatIsAccepted) {
  const std::string path = file("rows.jsonl", 1000, 200);
  const auto resume = [&](int steps, const std::vector<std::string>& more = {}) {
    std::vector<std::string> command{MUSTER_BINARY_DIR "/bin/muster", "run",   "--run-dir",
                                     paths("run").folder.string(),    "--set", "grpo.steps=" + std::to_string(steps)};
    command.insert(command.end(), more.begin(), more.end());
    return tests::run_command(command, 120);
  };
  ASSERT_EQ(muster("run", "run",
                   {"data.path=" + path, "data.held_out=10", "grpo.steps=2", "checkpoint.every=1", "warmup.sft_steps=0",
                    "warmup.stop_at_reward=0"})
                .code,
            0);
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now());
  EXPECT_EQ(resume(3).code, 0) << "a file that was only touched is the same";
  file("rows.jsonl", 1050, 220);
  const tests::CommandResult refused = resume(4);
  EXPECT_EQ(refused.code, 2) << refused.output;
  EXPECT_NE(refused.output.find("rows.jsonl: 220 rows instead of 200"), std::string::npos) << refused.output;
  EXPECT_NE(refused.output.find("--data-changed"), std::string::npos) << refused.output;
  const tests::CommandResult accepted = resume(4, {"--data-changed"});
  EXPECT_EQ(accepted.code, 0) << accepted.output;
  EXPECT_NE(accepted.output.find("220 rows instead of 200"), std::string::npos) << accepted.output;
  EXPECT_EQ(resume(5).code, 0) << "accepted is accepted";
  const tests::CommandResult needless = muster("run", "other", {}, {"--data-changed"});
  EXPECT_EQ(needless.code, 2) << needless.output;
}

TEST_F(DataRuns, ASyntheticRunForcesLengthsAndSaysSoInEveryRecord) {
  const std::vector<std::string> assignments{"sampling.lengths=uniform:1-4",
                                             "reward.kind=random",
                                             "warmup.sft_steps=0",
                                             "grpo.steps=2",
                                             "log.samples=-1",
                                             "validate.every=1",
                                             "data.held_out=20",
                                             "validate.prompts=10"};
  const tests::CommandResult result = muster("run", "run", assignments);
  ASSERT_EQ(result.code, 0) << result.output;
  EXPECT_NE(result.output.find("synthetic"), std::string::npos) << result.output;
  const auto steps = base::read_json_lines(paths("run").steps());
  ASSERT_EQ(steps.size(), 2u);
  std::set<std::size_t> lengths;
  std::set<double> rewards;
  for (const auto& file :
       {paths("run").steps(), paths("run").samples(), paths("run").validation(), paths("run").validation_samples()})
    for (const ordered_json& line : base::read_json_lines(file)) {
      EXPECT_EQ(line["synthetic"], true) << file << ": " << line;
      if (!line.contains("tokens") || !line["tokens"].is_array()) continue;
      lengths.insert(line["tokens"].size());
      rewards.insert(line["reward"].get<double>());
    }
  EXPECT_EQ(lengths, (std::set<std::size_t>{1, 2, 3, 4}));
  EXPECT_EQ(rewards, (std::set<double>{0, 1}));
}

TEST_F(DataRuns, ASyntheticRunTakesTheRowsPrecisionAndOverlap) {
  for (const std::vector<std::string>& layout :
       {std::vector<std::string>{"gen.dp=2", "train.pp=2"},
        std::vector<std::string>{"gen.dp=2", "train.dp=2", "train.backend=dtensor", "train.fsdp=1"},
        std::vector<std::string>{"gen.dp=2", "train.dp=2", "train.bucket_params=20000"}}) {
    std::vector<std::string> assignments{"sampling.lengths=fixed:3",
                                         "reward.kind=random",
                                         "warmup.sft_steps=0",
                                         "grpo.steps=2",
                                         "model.dtype=bf16",
                                         "gen.dtype=bf16",
                                         "train.grad_dtype=bf16",
                                         "train.overlap_grad_reduce=true",
                                         "train.overlap_param_gather=true",
                                         "loss.kl_weight=0.01",
                                         "train.gbs=128"};
    assignments.insert(assignments.end(), layout.begin(), layout.end());
    const tests::CommandResult result = muster("run", layout.back(), assignments);
    ASSERT_EQ(result.code, 0) << result.output;
    for (const ordered_json& step : base::read_json_lines(paths(layout.back()).steps())) {
      EXPECT_EQ(step["losses"].size(), 4u);
      for (const ordered_json& norm : step["grad_norms"]) EXPECT_GT(norm.get<double>(), 0);
      EXPECT_LT(step["logprob_diff_mean"].get<double>(), 0.05);
      for (const auto& [owner, bytes] : step["memory_predicted"].items())
        EXPECT_EQ(step["memory"][owner], bytes) << owner;
    }
  }
}

}  // namespace
}  // namespace muster
