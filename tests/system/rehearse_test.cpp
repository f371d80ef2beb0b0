// `muster rehearse` as a person calls it: both rows of the page for every kind of rank, and small runs held against
// what their rehearsals said.
#include <gtest/gtest.h>

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
  const tests::CommandResult result = tests::run_command(with(command, assignments), 120);
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

TEST(Rehearse, BothRowsAtFullSizeForEveryKindOfRank) {
  constexpr double kParameters = 8'030'261'248, kEmbedding = 128'256.0 * 4096;
  for (const auto& [job, num_kinds, stages] :
       {std::tuple{"grpo-llama3.1-8b-16xh100-megatron", 2, 2}, std::tuple{"grpo-llama3.1-8b-16xh100-dtensor", 1, 1}}) {
    SCOPED_TRACE(job);
    const ordered_json ranks = rehearse(job, {"--cluster", "dgx-h100", "--all-kinds"});
    ASSERT_EQ(ranks.size(), static_cast<std::size_t>(num_kinds));
    double trained = 0;
    for (const ordered_json& rank : ranks) {
      EXPECT_EQ(rank["samples"], 2048);
      EXPECT_EQ(rank["answer_tokens"], 2048 * 1056);
      EXPECT_LT(rank["seconds"].get<double>(), 15);
      for (const ordered_json& phase : rank["phases"]) {
        const double needed = phase["needed_flops"].get<double>() + phase["chosen_flops"].get<double>();
        if (needed > 0) {
          EXPECT_NEAR(phase["flops"].get<double>() / needed, 1, 0.02) << phase["phase"];
        }
        if (phase["planned_owners"].is_null()) continue;
        EXPECT_NEAR(phase["peak_bytes"].get<double>() / sum_of(phase["planned_owners"]), 1, 0.05) << phase["phase"];
      }
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
  expect_the_run_agrees({"train.tp=2", "gen.tp=2"});
  expect_the_run_agrees({"train.tp=2", "train.sequence_parallel=true", "gen.tp=2"});
  expect_the_run_agrees({"train.cp=2", "gen.dp=2"});
  expect_the_run_agrees({"train.cp=2", "train.recompute=full", "train.backend=dtensor", "train.fsdp=1", "gen.dp=2"});
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
  const std::string refused =
      said({"--set", "grpo.dynamic_sampling=true", "--set", "loss.ratio=sequence", "--set", "loss.reduction=sequence"});
  EXPECT_NE(refused.find("grpo.dynamic_sampling = true yet"), std::string::npos) << refused;
  EXPECT_NE(refused.find("loss.ratio = \"sequence\" yet"), std::string::npos) << "all faults at once: " << refused;
  EXPECT_NE(said({"--rank", "0", "--all-kinds"}).find("do not go together"), std::string::npos);
}

}  // namespace
}  // namespace muster
