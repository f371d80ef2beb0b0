// Runs whose generation is ahead of training, whole programs on two ranks: how old samples are, which version of the
// weights drew how many, and that no step ahead is the synchronous run. Kills and resume: resume_test.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/json_lines.h"
#include "runtime/base/text.h"
#include "tests/support/command.h"
#include "tests/support/same_run.h"
#include "tests/support/temporary_folder.h"

namespace muster::tests {
namespace {

using base::text;
using nlohmann::ordered_json;

constexpr std::int64_t kSteps = 6, kPrompts = 8, kSamples = 16;

// One rank trains, one generates; two updates a step.
spec::RunPaths run_split(const TemporaryFolder& folder, const std::string& name,
                         const std::vector<std::string>& changes) {
  const spec::RunPaths paths{folder.path() / name};
  std::vector<std::string> command{MUSTER_BINARY_DIR "/bin/muster", "run", "reverse-digits", "--run-dir",
                                   paths.folder.string()};
  std::vector<std::string> all{text("grpo.steps=", kSteps),
                               text("grpo.prompts_per_step=", kPrompts),
                               text("grpo.samples_per_prompt=", kSamples),
                               "train.gbs=64",
                               "placement.mode=split",
                               "gen.dp=1",
                               "train.dp=1",
                               "warmup.sft_steps=44",
                               "loss.correction=truncate",
                               "log.samples=-1"};
  all.insert(all.end(), changes.begin(), changes.end());
  for (const std::string& change : all) command.insert(command.end(), {"--set", change});
  const CommandResult result = run_command(command, 120);
  EXPECT_EQ(result.code, 0) << result.output;
  return paths;
}

TEST(OffPolicy, SamplesAreAsOldAsTheQueueIsLong) {
  const TemporaryFolder folder;
  for (const std::int64_t ahead : {1, 3}) {
    const spec::RunPaths run =
        run_split(folder, text("ahead_", ahead), {"async.enabled=true", text("async.max_staleness=", ahead)});
    const std::vector<ordered_json> steps = base::read_json_lines(run.steps());
    ASSERT_EQ(std::ssize(steps), kSteps);
    for (std::int64_t s = 1; s <= kSteps; ++s) {
      const ordered_json& step = steps[s - 1];
      EXPECT_EQ(step["age_max"], std::min(ahead, s - 1)) << "step " << s;
      EXPECT_EQ(step["age_mean"], step["age_max"].get<double>()) << "step " << s;
      EXPECT_EQ(step["queue_steps"], std::min(ahead, kSteps - s)) << "step " << s;
      EXPECT_EQ(step["queue_bytes"].get<std::int64_t>() > 0, s < kSteps) << "step " << s;
      EXPECT_EQ(step["samples"], kPrompts * kSamples);
    }
    EXPECT_LT(steps.front()["logprob_diff_max"].get<double>(), 1e-4) << "drawn with the weights that train";
    EXPECT_GT(steps.back()["logprob_diff_max"].get<double>(), 1e-2) << "drawn with older ones";
    // The first weights draw for the steps that find none newer; each later version for one step; the last ones for
    // none.
    std::map<std::int64_t, std::int64_t> drawn;
    for (const ordered_json& sample : base::read_json_lines(run.samples())) ++drawn[sample["weight_version"]];
    ASSERT_EQ(std::ssize(drawn), kSteps - ahead);
    for (const auto& [version, samples] : drawn)
      EXPECT_EQ(samples, (version == drawn.begin()->first ? 1 + ahead : 1) * kPrompts * kSamples) << version;
    expect_each_prompt_once(run, kSteps, kPrompts, kSamples);
  }
}

TEST(OffPolicy, AsyncWithoutAnAgeIsTheSynchronousRun) {
  const TemporaryFolder folder;
  expect_same_run(run_split(folder, "async", {"async.enabled=true", "async.max_staleness=0"}),
                  run_split(folder, "synchronous", {}), kSteps);
}

TEST(OffPolicy, TwoRunsAreIdentical) {
  const TemporaryFolder folder;
  expect_same_run(run_split(folder, "one", {"async.enabled=true"}), run_split(folder, "other", {"async.enabled=true"}),
                  kSteps);
}

// What every run with updates in flight keeps, whoever is faster.
void expect_in_flight(const spec::RunPaths& run, std::int64_t ahead) {
  const std::vector<ordered_json> steps = base::read_json_lines(run.steps());
  ASSERT_EQ(std::ssize(steps), kSteps);
  for (std::int64_t s = 1; s <= kSteps; ++s) {
    const ordered_json& step = steps[s - 1];
    EXPECT_LE(step["age_max"], std::min(ahead, s - 1)) << "step " << s;
    EXPECT_LE(step["age_mean"], step["age_max"].get<double>()) << "step " << s;
    EXPECT_EQ(step["queue_steps"], std::min(ahead, kSteps - s)) << "step " << s;
    EXPECT_EQ(step["samples"], kPrompts * kSamples);
    EXPECT_GT(step["refit_checked_tensors"], 0) << "generators took the weights, by their checksums";
  }
  std::map<std::int64_t, std::int64_t> mixed_tokens, tokens, oldest;
  for (const ordered_json& sample : base::read_json_lines(run.samples())) {
    const std::int64_t step = sample["step"], length = std::ssize(sample["tokens"]);
    std::int64_t position = 0, version = sample["weight_version"];
    oldest.try_emplace(step, version);
    oldest[step] = std::min(oldest[step], version);
    tokens[step] += length;
    if (!sample.contains("weight_changes")) continue;
    mixed_tokens[step] += length;
    for (const ordered_json& change : sample["weight_changes"]) {
      EXPECT_GT(change[0], position);
      EXPECT_GT(change[1], version);
      position = change[0], version = change[1];
    }
    EXPECT_LT(position, length);
  }
  for (std::int64_t s = 1; s <= kSteps; ++s) {
    EXPECT_NEAR(steps[s - 1]["mixed_share"].get<double>(),
                static_cast<double>(mixed_tokens[s]) / static_cast<double>(tokens[s]), 1e-12);
    EXPECT_EQ(steps[s - 1]["weight_version"], oldest[s]);
  }
  expect_each_prompt_once(run, kSteps, kPrompts, kSamples);
}

TEST(UpdatesInFlight, EveryTokenHasItsVersionAndNoneIsTooOld) {
  const TemporaryFolder folder;
  double mixed = 0;
  for (const std::int64_t ahead : {1, 3}) {
    // Few samples at once: generation is the slower side, so that updates find samples running.
    const spec::RunPaths run =
        run_split(folder, text("ahead_", ahead),
                  {"async.enabled=true", text("async.max_staleness=", ahead), "async.in_flight_updates=true",
                   text("async.recompute_kv=", ahead == 3 ? "true" : "false"), "gen.max_running_samples=8",
                   "data.held_out=64", "validate.every=4"});
    expect_in_flight(run, ahead);
    for (const ordered_json& step : base::read_json_lines(run.steps())) mixed += step["mixed_share"].get<double>();
  }
  EXPECT_GT(mixed, 0);
}

TEST(UpdatesInFlight, OfWeightsThatStayLeaveTheSamplesOfTheRunThatWaits) {
  const TemporaryFolder folder;
  std::vector<std::map<std::string, ordered_json>> runs;
  for (const std::string in_flight : {"false", "true"}) {
    const spec::RunPaths run = run_split(
        folder, "in_flight_" + in_flight,
        {"async.enabled=true", "async.in_flight_updates=" + in_flight, "optimizer.lr=0", "gen.max_running_samples=8"});
    std::map<std::string, ordered_json>& samples = runs.emplace_back();
    for (const ordered_json& sample : base::read_json_lines(run.samples()))
      samples[text(sample["step"].get<int>(), " ", sample["prompt_index"].get<int>(), " ",
                   sample["sample_index"].get<int>())] = sample["tokens"];
  }
  ASSERT_EQ(std::ssize(runs[0]), kSteps * kPrompts * kSamples);
  EXPECT_TRUE(runs[0] == runs[1]);
}

}  // namespace
}  // namespace muster::tests
