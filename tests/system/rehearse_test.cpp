// `muster rehearse` as a person calls it: both rows of the page for every kind of rank, and small runs held against
// what their rehearsals said.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/json_lines.h"
#include "runtime/spec/plan.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace muster {
namespace {

using nlohmann::ordered_json;

std::vector<std::string> with(std::vector<std::string> command, const std::vector<std::string>& assignments) {
  for (const std::string& assignment : assignments) {
    command.emplace_back("--set");
    command.push_back(assignment);
  }
  return command;
}

ordered_json rehearse(const std::string& job, std::vector<std::string> more,
                      const std::vector<std::string>& assignments = {}) {
  std::vector<std::string> command{MUSTER_BINARY_DIR "/bin/muster", "rehearse", job, "--json"};
  command.insert(command.end(), more.begin(), more.end());
  const tests::CommandResult result = tests::run_command(with(command, assignments), 600);
  EXPECT_EQ(result.code, 0) << result.output;
  return ordered_json::parse(result.output.substr(result.output.find('[')));
}

const ordered_json& phase_of(const ordered_json& rank, const std::string& name) {
  for (const ordered_json& phase : rank["phases"])
    if (phase["phase"] == name) return phase;
  ADD_FAILURE() << "no phase " << name;
  return rank["phases"][0];
}

double sum_of(const ordered_json& owners) {
  double sum = 0;
  for (const auto& [owner, bytes] : owners.items()) sum += bytes.get<double>();
  return sum;
}

double bytes_of_calls(const ordered_json& phase, const std::string& label) {
  double bytes = 0;
  for (const ordered_json& call : phase["calls"])
    if (call["label"] == label) bytes += call["bytes"].get<double>();
  return bytes;
}

/// Every phase of every kind: executed FLOPs over those needed and chosen, and peak against the plan's. Of those chosen
/// a rank may spare some: `least_of_chosen` is the share that it computes.
void expect_as_planned(const ordered_json& ranks, double least_of_chosen = 1) {
  for (const ordered_json& rank : ranks) {
    for (const ordered_json& phase : rank["phases"]) {
      const auto needed = phase["needed_flops"].get<double>(), chosen = phase["chosen_flops"].get<double>();
      EXPECT_LE(phase["flops"].get<double>(), 1.02 * (needed + chosen)) << phase["phase"];
      EXPECT_GE(phase["flops"].get<double>(), 0.98 * (needed + least_of_chosen * chosen)) << phase["phase"];
      if (phase["planned_owners"].is_null() || phase["calls"].empty()) continue;  // a phase that the job does without
      EXPECT_NEAR(phase["peak_bytes"].get<double>() / sum_of(phase["planned_owners"]), 1, 0.05) << phase["phase"];
    }
  }
}

TEST(Rehearse, BothRowsAtFullSizeForEveryKindOfRank) {
  constexpr double kParameters = 8'030'261'248, kEmbedding = 128'256.0 * 4096;
  for (const auto& [job, num_kinds, stages] :
       {std::tuple{"grpo-llama3.1-8b-16xh100-megatron", 2, 2}, std::tuple{"grpo-llama3.1-8b-16xh100-dtensor", 1, 1}}) {
    SCOPED_TRACE(job);
    const ordered_json ranks = rehearse(job, {"--cluster", "dgx-h100", "--all-kinds"});
    ASSERT_EQ(ranks.size(), static_cast<std::size_t>(num_kinds));
    expect_as_planned(ranks);
    double trained = 0;
    for (const ordered_json& rank : ranks) {
      EXPECT_EQ(rank["samples"], 2048);
      EXPECT_EQ(rank["answer_tokens"], 2048 * 1056);
      EXPECT_LT(rank["seconds"].get<double>(), 15);
      EXPECT_LE(phase_of(rank, "generate")["host_waits"].get<std::int64_t>(), 1056) << "one a decode pass";
      trained += phase_of(rank, "train")["needed_flops"].get<double>() * rank["ranks_alike"].get<double>();
    }
    // 6 x multiplied parameters x tokens is most of what the ranks do together; attention is the rest.
    EXPECT_NEAR(trained / (6 * (kParameters - kEmbedding) * 2048 * 1155), 1, 0.05);
    const ordered_json& train = phase_of(ranks[0], "train");
    if (stages == 2)
      EXPECT_NEAR(bytes_of_calls(train, "train.gradients") / (4 * 2 * kParameters / 2), 1, 0.01)
          << "four updates in bf16, half of the model";
    else
      EXPECT_GT(bytes_of_calls(train, "fsdp.weights"), 0);
  }
}

TEST(Rehearse, EitherHalfOfTheLayersComputedAgainIsAsPlanned) {
  for (const char* job : {"grpo-llama3.1-8b-16xh100-megatron", "grpo-llama3.1-8b-16xh100-dtensor"}) {
    std::map<std::string, double> activations;  // what else lies there follows from the room that they leave
    for (const char* half : {"none", "attention", "mlp", "full"}) {
      SCOPED_TRACE(std::string(job) + " " + half);
      const ordered_json ranks =
          rehearse(job, {"--cluster", "dgx-h100", "--rank", "0", "--lengths", "fixed:924"},  // full micro batches
                   {std::string("train.recompute=") + half});
      expect_as_planned(ranks);
      activations[half] = phase_of(ranks[0], "train")["owners"]["activations"];
    }
    EXPECT_LT(activations["full"], activations["mlp"]);
    EXPECT_LT(activations["mlp"], activations["attention"]);
    EXPECT_LT(activations["attention"], activations["none"]);
  }
}

TEST(Rehearse, RowsWithExpertsAtFullSize) {
  for (const auto& [job, cluster, ep] : {std::tuple{"v0.6-grpo-qwen3-30b-a3b-32xh100", "dgx-h100", 8},
                                         std::tuple{"v0.4-grpo-qwen3-30b-a3b-32xh100", "dgx-h100", 8},
                                         std::tuple{"v0.6-grpo-qwen3-30b-a3b-16xgb200", "gb200-nvl72", 16}}) {
    SCOPED_TRACE(job);
    // Short answers that fill the micro batches; experts of this rank that get as much more than their share as the
    // plan reckons with.
    const std::vector<std::string> full{"--cluster", cluster, "--rank", "0", "--lengths", "fixed:924"};
    const std::vector<std::string> small{"grpo.prompts_per_step=32", "grpo.samples_per_prompt=16", "train.gbs=512"};
    const ordered_json even = rehearse(job, full, small);
    std::vector<std::string> hot = full;
    hot.insert(hot.end(), {"--experts", "skewed:1.25"});
    const ordered_json skewed = rehearse(job, hot, small);
    for (const char* name : {"generate", "logprob", "train"}) {
      const ordered_json &phase = phase_of(even[0], name), &fullest = phase_of(skewed[0], name);
      const double needed = phase["needed_flops"].get<double>() + phase["chosen_flops"].get<double>();
      if (needed > 0) {
        EXPECT_NEAR(phase["flops"].get<double>() / needed, 1, 0.03) << name;
      }
      EXPECT_NEAR(fullest["peak_bytes"].get<double>() / sum_of(phase["planned_owners"]), 1, 0.05) << name;
    }
    const ordered_json &train = phase_of(even[0], "train"), &fullest = phase_of(skewed[0], "train");
    EXPECT_GT(fullest["flops"].get<double>() / train["flops"].get<double>(), 1.1);
    EXPECT_GT(bytes_of_calls(train, "ep.to_experts"), 0) << "experts of " << ep << " ranks";
    EXPECT_EQ(bytes_of_calls(train, "ep.to_experts"), bytes_of_calls(train, "ep.from_experts"));
    EXPECT_EQ(bytes_of_calls(train, "ep.to_experts"), bytes_of_calls(fullest, "ep.to_experts"));
    EXPECT_LT(bytes_of_calls(fullest, "ep.to_experts"), bytes_of_calls(fullest, "ep.from_experts"));
  }
}

std::filesystem::path write_job(const tests::TemporaryFolder& folder, const std::string& content) {
  std::ofstream(folder.path() / "job.toml") << content;
  return folder.path() / "job.toml";
}

TEST(Rehearse, OneSequenceOf131072TokensOverEightRanks) {
  const tests::TemporaryFolder folder;
  const auto job = write_job(folder, R"(
name = "long"
model = { name = "llama-3.1-8b" }
placement = { mode = "split" }
grpo = { prompts_per_step = 2, samples_per_prompt = 4, max_sequence_tokens = 131072 }
data = { path = "builtin:letters" }
reward = { kind = "random" }
sampling = { lengths = "fixed:130972" }
train = { cp = 8, dp = 1, gbs = 8, mbs = 1, recompute = "full" }
gen = { tp = 8 }
)");
  for (const char* rank : {"0", "7"}) {  // the ranks that generate would make as many passes as there are tokens
    const ordered_json ranks = rehearse(job.string(), {"--cluster", "dgx-h100", "--rank", rank});
    expect_as_planned(ranks);
    const ordered_json& train = phase_of(ranks[0], "train");
    // Of keys and values 2 x K x E elements a token and layer: twice forwards, for recompute, and once backwards; their
    // gradients of all tokens (parallel/context.h). One rank's part of eight sequences, the last token never computed.
    const double row = 8 * (131072.0 - 1) * 32 * 8 * 128 * 2;
    EXPECT_NEAR(bytes_of_calls(train, "cp.keys") / (2 * row / 8), 1, 1e-3);
    EXPECT_NEAR(bytes_of_calls(train, "cp.values_again") / (row / 8), 1, 1e-3);
    EXPECT_NEAR(bytes_of_calls(train, "cp.key_gradients") / row, 1, 1e-3);
  }
}

TEST(Rehearse, Llama70BOverTensorsTokensContextAndStages) {
  const tests::TemporaryFolder folder;
  const auto job = write_job(folder, R"(
name = "llama-70b"
model = { name = "llama-3.1-70b" }
grpo = { prompts_per_step = 16, samples_per_prompt = 16, max_sequence_tokens = 4096 }
data = { path = "builtin:letters" }
reward = { kind = "random" }
sampling = { lengths = "fixed:1536" }
train = { tp = 8, sequence_parallel = true, cp = 2, pp = 4, dp = 1, mbs = 1, recompute = "full" }
gen = { tp = 8, dp = 8 }
)");
  const ordered_json ranks = rehearse(job.string(), {"--cluster", "dgx-h100", "--all-kinds"});
  EXPECT_EQ(ranks.size(), 4u);
  expect_as_planned(ranks);
}

/// A quarter of the rows' prompts, which the caches hold at once; all of them (and so preemptions) in the test preset
/// `long`.
TEST(Rehearse, Qwen3Of32BillionInItsSplitLayouts) {
  const bool whole = std::getenv("MUSTER_WHOLE_ROWS") != nullptr;
  for (const auto& [job, cluster, num_kinds] : {std::tuple{"v0.5-grpo-qwen3-32b-64xh100-1off", "dgx-h100", 5},
                                                std::tuple{"v0.5-grpo-qwen3-32b-32xgb200-1off", "gb200-nvl72", 2}}) {
    SCOPED_TRACE(job);
    std::vector<std::string> settings;
    if (!whole) settings.insert(settings.end(), {"grpo.prompts_per_step=16"});
    const ordered_json ranks =
        rehearse(job, {"--cluster", cluster, "--all-kinds", "--lengths", "fixed:3996"}, settings);
    EXPECT_EQ(ranks.size(), static_cast<std::size_t>(num_kinds));
    expect_as_planned(ranks);
    const double again = phase_of(ranks[ranks.size() - 1], "generate")["chosen_flops"];
    EXPECT_EQ(again > 0, whole) << "of the whole row the pages run out";
  }
}

/// In the test preset `long` alone: 512 ranks of 16 kinds.
TEST(Rehearse, DeepSeekV3On512RanksForEveryKindOfRank) {
  if (std::getenv("MUSTER_WHOLE_ROWS") == nullptr) GTEST_SKIP() << "a row of minutes: test preset long";
  const ordered_json ranks =
      rehearse("v0.6-grpo-deepseek-v3-512xh100", {"--cluster", "dgx-h100", "--all-kinds"}, {"allow_fallback=true"});
  EXPECT_EQ(ranks.size(), 16u);
  expect_as_planned(ranks, 0.5);  // the last stage has one chunk of logits, which its backward need not compute again
}

/// In the test preset `long` alone: those whose model and types the runtime has.
TEST(Rehearse, JobsWithUpdatesInFlightForEveryKindOfBothRoles) {
  if (std::getenv("MUSTER_WHOLE_ROWS") == nullptr) GTEST_SKIP() << "many rows: test preset long";
  int rehearsed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MUSTER_SOURCE_DIR "/templates/jobs")) {
    const std::string job = entry.path().stem().string();
    const bool is_ahead = job.ends_with("-1off") || job.ends_with("-8off");
    const bool is_refused = job.find("fp8") != std::string::npos || job.find("nemotron") != std::string::npos;
    if (!is_ahead || is_refused) continue;
    SCOPED_TRACE(job);
    std::vector<std::string> settings;
    if (job.find("deepseek") != std::string::npos) settings.emplace_back("allow_fallback=true");
    const ordered_json ranks =
        rehearse(job,
                 {"--cluster", job.find("gb200") != std::string::npos ? "gb200-nvl72" : "dgx-h100", "--all-kinds",
                  "--lengths", "fixed:924"},
                 settings);
    double generated = 0, trained = 0;
    for (const ordered_json& rank : ranks) {
      generated += phase_of(rank, "generate")["flops"].get<double>();
      trained += phase_of(rank, "train")["flops"].get<double>();
    }
    EXPECT_GT(generated, 0);
    EXPECT_GT(trained, 0);
    ++rehearsed;
  }
  EXPECT_GE(rehearsed, 15);
}

TEST(Rehearse, StagesThatGenerateWhatTheLayersOfEachNeed) {
  const tests::TemporaryFolder folder;
  const auto job = write_job(folder, R"(
name = "stages"
model = { name = "llama-3.1-8b" }
grpo = { prompts_per_step = 32, samples_per_prompt = 8, max_sequence_tokens = 512 }
data = { path = "builtin:letters" }
reward = { kind = "random" }
sampling = { lengths = "fixed:400" }
train = { tp = 2, pp = 2, dp = 2, mbs = 8, recompute = "full" }
gen = { tp = 2, pp = 4, max_batch_tokens = 512, max_running_samples = 256 }
)");
  const ordered_json ranks = rehearse(job.string(), {"--cluster", "dgx-h100", "--all-kinds"});
  ASSERT_EQ(ranks.size(), 4u);
  expect_as_planned(ranks);
  const ordered_json &first = phase_of(ranks[0], "generate"), &last = phase_of(ranks[3], "generate");
  // Each token's stream once from every stage but the last; a token and two log-probabilities to each other stage.
  const double computed = 32 * (100 + 8 * (400.0 - 1));
  EXPECT_EQ(bytes_of_calls(first, "generate.stages"), computed * 4096 * 2);
  EXPECT_EQ(bytes_of_calls(last, "generate.stages"), 32 * 8 * 400 * 12.0 * 3);
  EXPECT_EQ(first["owners"]["kv_pages"], last["owners"]["kv_pages"]);
  EXPECT_EQ(last["host_waits"], first["host_waits"]);
}

/// The largest of each owner over the kinds of a rehearsal, against a run of the same job.
void expect_the_run_agrees(const std::vector<std::string>& layout) {
  std::vector<std::string> assignments{"sampling.lengths=uniform:2-4", "reward.kind=random", "warmup.sft_steps=0",
                                       "grpo.steps=2", "loss.kl_weight=0.01"};
  assignments.insert(assignments.end(), layout.begin(), layout.end());
  SCOPED_TRACE(layout.front());
  const tests::TemporaryFolder folder;
  const spec::RunPaths paths{folder.path() / "run"};
  const tests::CommandResult result = tests::run_command(
      with({MUSTER_BINARY_DIR "/bin/muster", "run", "reverse-digits", "--run-dir", paths.folder.string()}, assignments),
      120);
  ASSERT_EQ(result.code, 0) << result.output;
  const ordered_json measured = base::read_json_lines(paths.steps()).at(1)["phase_memory"];
  const ordered_json ranks = rehearse("reverse-digits", {"--all-kinds"}, assignments);
  for (const char* phase : {"generate", "logprob", "train"}) {
    for (const auto& [owner, bytes] : measured[phase].items()) {
      if (owner == "communicators") continue;  // gloo's own
      double rehearsed = 0;
      for (const ordered_json& rank : ranks)
        rehearsed = std::max(rehearsed, phase_of(rank, phase)["owners"].value(owner, 0.0));
      // A page of memory apart: figures and indexes that a run keeps on the host lie among a CPU's tensors.
      EXPECT_NEAR(rehearsed, bytes.get<double>(), 0.05 * bytes.get<double>() + 4096) << owner << " in " << phase;
    }
  }
}

TEST(Rehearse, ARunOnTheCpuHoldsWhatItsRehearsalSays) {
  expect_the_run_agrees({"train.dp=2", "gen.dp=2"});
  expect_the_run_agrees({"train.pp=2", "gen.dp=2"});
  expect_the_run_agrees({"gen.pp=2", "train.dp=2"});
  expect_the_run_agrees({"train.tp=2", "gen.tp=2"});
  expect_the_run_agrees({"train.tp=2", "train.sequence_parallel=true", "gen.tp=2"});
  expect_the_run_agrees({"train.cp=2", "gen.dp=2"});
  expect_the_run_agrees({"train.cp=2", "train.recompute=full", "train.backend=dtensor", "train.fsdp=1", "gen.dp=2"});
  expect_the_run_agrees({"train.recompute=attention", "train.dp=2", "gen.dp=2"});
  expect_the_run_agrees({"train.recompute=mlp", "train.pp=2", "gen.dp=2"});
  expect_the_run_agrees({"train.backend=dtensor", "train.fsdp=1", "train.dp=2", "gen.dp=2"});
}

TEST(Rehearse, SaysWhatIsWrongBeforeItBegins) {
  const auto said = [](const std::vector<std::string>& more) {
    std::vector<std::string> command{MUSTER_BINARY_DIR "/bin/muster", "rehearse", "reverse-digits"};
    command.insert(command.end(), more.begin(), more.end());
    const tests::CommandResult result = tests::run_command(command, 60);
    EXPECT_EQ(result.code, 2) << result.output;
    return result.output;
  };
  EXPECT_NE(said({"--rank", "7"}).find("--rank 7: the plan has 1 ranks"), std::string::npos);
  EXPECT_NE(said({"--lengths", "long"}).find("there is no such file"), std::string::npos);
  const std::string refused = said({"--set", "gen.draft_tokens=2", "--set", "moe.bias_update_rate=0.1"});
  EXPECT_NE(refused.find("gen.draft_tokens = 2 yet"), std::string::npos) << refused;
  EXPECT_NE(refused.find("moe.bias_update_rate = 0.1 yet"), std::string::npos) << "all faults at once: " << refused;
  EXPECT_NE(said({"--experts", "skewed:2"}).find("--experts skewed:2: the model has no experts"), std::string::npos);
  EXPECT_NE(said({"--rank", "0", "--all-kinds"}).find("do not go together"), std::string::npos);
}

}  // namespace
}  // namespace muster
