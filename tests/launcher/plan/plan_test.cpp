#include "launcher/plan/plan.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "launcher/plan/show.h"
#include "runtime/base/text.h"
#include "tests/support/temporary_folder.h"

namespace muster::plan {
namespace {
namespace fs = std::filesystem;

/// A job file in a folder of its own, planned with the shipped templates and clusters.
class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    const std::string root = MUSTER_SOURCE_DIR;
    ::setenv("MUSTER_TEMPLATES", (root + "/templates").c_str(), 1);
    ::setenv("MUSTER_CLUSTERS", (root + "/clusters").c_str(), 1);
  }
  Planned make(const std::string& text, const std::string& cluster = "local", bool paths_must_exist = false) {
    const fs::path file = folder_.path() / "job.toml";
    std::ofstream(file) << text;
    return make_plan({.job = file.string(),
                      .overrides = overrides_,
                      .cluster = cluster,
                      .run_folder = "",
                      .paths_must_exist = paths_must_exist});
  }
  std::string refusal(const std::string& text, const std::string& cluster = "local", bool paths_must_exist = false) {
    try {
      make(text, cluster, paths_must_exist);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 2);
      return error.what();
    }
    return "accepted";
  }
  tests::TemporaryFolder folder_;
  std::vector<std::string> overrides_;
};

const std::string kModel = "[model]\nname = \"llama-3.1-8b\"\n[data]\npath = \"builtin:sums\"\n";

std::ptrdiff_t columns_of(const std::string& line) {
  return std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
}
void expect_has(const std::vector<std::string>& texts, const std::string& part) {
  EXPECT_NE(base::join(texts, "\n").find(part), std::string::npos) << base::join(texts, "\n");
}
void expect_has(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST_F(PlanTest, ColocatedRanksFillNodesInBlocks) {
  const spec::Plan plan = make(kModel + "[train]\ntp = 4\ndp = 4\n[gen]\ntp = 2\ndp = 8\n", "dgx-h100").plan;
  EXPECT_EQ(plan.num_nodes, 2);
  EXPECT_EQ(plan.ranks_per_node, 8);
  ASSERT_EQ(plan.ranks.size(), 16u);
  EXPECT_EQ(plan.ranks[9].node_slot, 1);
  EXPECT_EQ(plan.ranks[9].local_rank, 1);
  EXPECT_EQ(plan.ranks[9].device, 1);
  EXPECT_EQ(plan.ranks[9].cpus.front(), 14);
  EXPECT_EQ(plan.ranks[13].memory_node, 1);
  EXPECT_EQ(plan.ranks[13].adapter, "mlx5_9");
  EXPECT_EQ(plan.peak_tflops, 989.5);
  EXPECT_EQ(spec::parse_plan(spec::plan_text(plan), "plan.toml"), plan);
  EXPECT_EQ(*plan.ranks[9].train_rank, 9);
  EXPECT_EQ(*plan.ranks[9].gen_rank, 9);
  EXPECT_FALSE(plan.job.train.share_prompt);  // its CUDA form does not exist
}

TEST_F(PlanTest, SplitGivesEachRoleNodesOfItsOwnAndTrainingComesFirst) {
  const spec::Plan plan =
      make(kModel + "[placement]\nmode = \"split\"\nspares = 1\n[train]\ndp = 2\n[gen]\ntp = 2\ndp = 2\n").plan;
  EXPECT_EQ(plan.num_nodes, 3);
  ASSERT_EQ(plan.ranks.size(), 6u);
  EXPECT_EQ(plan.ranks[1].role, spec::Role::train);
  EXPECT_EQ(plan.ranks[1].node_slot, 0);
  EXPECT_EQ(plan.ranks[2].role, spec::Role::generate);
  EXPECT_EQ(plan.ranks[2].node_slot, 1);
  EXPECT_EQ(*plan.ranks[2].gen_rank, 0);
  EXPECT_EQ(make(kModel + "[placement]\nmode = \"split\"\ngen_nodes = 4\n[gen]\ndp = 4\n").plan.num_nodes, 5);
}

TEST_F(PlanTest, SaysWithNumbersWhyAJobDoesNotFit) {
  expect_has(refusal(kModel + "[train]\ndp = 64\n[gen]\ndp = 64\n", "test-slurm"),
             "64 ranks at 8 a node need 8 nodes, but cluster test-slurm has 4");
  expect_has(refusal(kModel + "[placement]\nranks_per_node = 9\n", "test-slurm"),
             "placement.ranks_per_node = 9, but a node of cluster test-slurm has 8");
  expect_has(refusal(kModel + "[placement]\nmode = \"split\"\ngen_nodes = 1\n[gen]\ndp = 9\n", "test-slurm"),
             "placement.gen_nodes = 1 with 8 ranks a node holds 1 to 8 ranks, but gen tp 1 x pp 1 x dp 9 = 9");
  expect_has(refusal(kModel + "[train]\ntp = 3\n"), "does not divide 32 query heads");
}

TEST_F(PlanTest, AllFaultsOfAFileComeInOneGoWithTheirPlaces) {
  const std::string text = refusal(
      "[model]\nname = \"llama-3.1-8c\"\n[data]\npath = \"builtin:sum\"\n[train]\ndp = 2\n[requeue]\nmax = 1\n");
  expect_has(text, "did you mean \"llama-3.1-8b\"");
  expect_has(text, "job.toml:4:1: there is no data \"builtin:sum\"");
  expect_has(text, "colocated: train tp 1 x cp 1 x pp 1 x dp 2 = 2 ranks");
  expect_has(text, "job.toml:8:1: requeue.max = 1 without checkpoints");
}

TEST_F(PlanTest, AMissingPathIsAWarningInAPlanAndAnErrorInARun) {
  const std::string text = "[model]\npath = \"no/model\"\n[data]\npath = \"no/rows.jsonl\"\n";
  const spec::Plan plan = make(text).plan;
  EXPECT_EQ(plan.warnings.size(), 2u);
  EXPECT_EQ(plan.job.data.path, (folder_.path() / "no/rows.jsonl").string());
  const std::string refused = refusal(text, "local", true);
  expect_has(refused, "model.path: there is no model folder");
  expect_has(refused, "data.path: there is no such file");
}

TEST_F(PlanTest, APathTypedAfterSetCountsFromWhereItWasTyped) {
  overrides_ = {"data.path=rows.jsonl"};
  EXPECT_EQ(make(kModel).plan.job.data.path, (fs::current_path() / "rows.jsonl").string());
}

TEST_F(PlanTest, NameAndFolderOfAModelMustAgree) {
  fs::create_directory(folder_.path() / "m");
  std::ofstream(folder_.path() / "m/config.json")
      << R"({"model_type":"llama","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"intermediate_size":128,"vocab_size":96,"max_position_embeddings":5000})";
  const std::string data = "[data]\npath = \"builtin:sums\"\n";
  EXPECT_EQ(make("[model]\npath = \"m\"\n" + data, "local", true).plan.model.hidden_size, 64);
  expect_has(refusal("[model]\npath = \"m\"\nname = \"qwen3-8b\"\n" + data), "model.name \"qwen3-8b\" (hidden 4096");
}

TEST_F(PlanTest, EnvironmentNamesComeWithTheirOrigin) {
  const spec::Plan gpu = make("threads = 3\n" + kModel + "[train]\ndp = 8\n[gen]\ndp = 8\n", "dgx-h100").plan;
  std::map<std::string, spec::EnvironmentValue> by_name;
  for (const auto& entry : gpu.environment) by_name[entry.name] = entry;
  EXPECT_EQ(by_name["OMP_NUM_THREADS"].value, "3");
  EXPECT_EQ(by_name["OMP_NUM_THREADS"].origin, "job: threads");
  EXPECT_EQ(by_name["CUDA_DEVICE_ORDER"].value, "PCI_BUS_ID");
  EXPECT_EQ(by_name["NCCL_IB_HCA"].origin.substr(0, 17), "cluster dgx-h100:");
  for (const auto& entry : make(kModel).plan.environment)
    EXPECT_FALSE(entry.name.starts_with("NCCL_") || entry.name.starts_with("CUDA_")) << entry.name;
}

TEST_F(PlanTest, RefusesAModelThatCannotFitItsGpus) {
  const std::string job = "[model]\nname = \"llama-3.1-70b\"\n[data]\npath = \"builtin:sums\"\n";
  expect_has(refusal(job, "dgx-h100"), "does not fit: phase train of a rank holds");
  expect_has(make(kModel + "[train]\ndp = 4\n[gen]\ndp = 4\n", "dgx-h200").plan.warnings,
             "4 of 8 GPUs have nothing to do");
}

TEST_F(PlanTest, TheNameIsTheFilesUnlessGiven) {
  EXPECT_EQ(make(kModel).plan.job.name, "job");
  EXPECT_EQ(make("name = \"mine\"\n" + kModel).plan.job.name, "mine");
}

TEST_F(PlanTest, AHalfThousandRanksArePlanned) {
  const std::string job =
      kModel + "[grpo]\nprompts_per_step = 64\n[train]\ntp = 8\npp = 2\ndp = 32\n[gen]\ntp = 4\ndp = 128\n";
  const spec::Plan plan = make(job, "dgx-h100").plan;
  EXPECT_EQ(plan.num_nodes, 64);
  EXPECT_EQ(plan.ranks.size(), 512u);
  expect_has(plan_page(plan, {}, ""), "512");
}

TEST_F(PlanTest, ThePageSaysWhatIsGraded) {
  const auto page = [&](const std::string& rewards) { return plan_page(make(kModel + rewards).plan, {}, ""); };
  EXPECT_NE(page("").find("math of what follows the thinking"), std::string::npos) << page("");
  EXPECT_NE(page("[reward]\nkind = \"exact\"\nanswer = \"all\"\n").find("exact of the whole reply"), std::string::npos);
}

TEST_F(PlanTest, TheResolvedPlanSaysWhereEachKeyWasGiven) {
  const Planned planned = make(kModel + "[grpo]\nsteps = 7\n");
  const std::string page = resolved_page(planned.plan, planned.places);
  EXPECT_NE(page.find("\nsteps = 7  # " + planned.job_file.string() + ":"), std::string::npos) << page;
  EXPECT_NE(page.find("\nprompts_per_step = 32\n"), std::string::npos) << "a default has no place";
}

TEST_F(PlanTest, AVariableThatIsNotSetIsAFaultWithThePlaceOfItsKey) {
  try {
    make("[model]\npath = \"${MUSTER_NO_SUCH_VARIABLE}/model\"\n");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("job.toml:2:1: there is no environment variable MUSTER_NO_SUCH_VARIABLE"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(PlanTest, WhatDoesNotRunAndWarningsStandBeforeEverythingElse) {
  const Planned planned = make(kModel + "[gen]\ndraft_tokens = 2\n[train]\nfp8 = true\n");
  const std::string page = plan_page(planned.plan, planned.cluster, "");
  const std::size_t lacks =
      page.find("! planned only: the runtime does not run train.fp8 = true, gen.draft_tokens = 2 yet");
  ASSERT_NE(lacks, std::string::npos) << page;
  EXPECT_LT(lacks, page.find("\nmesh"));
  EXPECT_NE(spec::plan_json(planned.plan).find("\"unsupported\": [\n    \"train.fp8 = true\""), std::string::npos);
  EXPECT_EQ(plan_page(make(kModel).plan, {}, "").find("planned only"), std::string::npos);
}

TEST_F(PlanTest, NoLineOfThePageIsWiderThanAHundredColumns) {
  const spec::Plan plan = make(
                              "rank_wrapper = [\"nsys\", \"profile\", \"--trace=cuda,nvtx,osrt,cudnn,cublas\", "
                              "\"--output=/some/where/very/long/indeed/profile-of-a-rank\"]\n" +
                                  kModel + "[placement]\nmode = \"split\"\n[train]\ndp = 8\n[gen]\ndp = 16\n",
                              "dgx-h100")
                              .plan;
  for (const std::string& line : base::split(plan_page(plan, {}, "#!/bin/bash\necho\n"), '\n'))
    EXPECT_LE(columns_of(line), 100) << line;
}

TEST_F(PlanTest, ThePipelineIsShownWithItsStagesAndItsBubble) {
  const std::string job =
      kModel + "[grpo]\nmax_sequence_tokens = 4096\n[train]\npp = 4\ndp = 2\ngbs = 128\n[gen]\ndp = 8\n";
  const std::string page = schedule_page(make(job, "dgx-h100").plan);
  expect_has(page, "4 stages, 1F1B\n  stage 0  embedding, layers 0-7\n  stage 1  layers 8-15\n");
  expect_has(page, "stage 3  layers 24-31, final norm, head\n");
  expect_has(page, "64 at most, packed from 64 samples");
  expect_has(page, "slots: 134, idle in 4.5 % = (4 - 1) / (1 x 64 + 4 - 1)");
  expect_has(page, "stage 3  .  .  .  F0 B0 F1 B1 F2");
}

TEST_F(PlanTest, AnUnknownJobSuggestsATemplate) {
  try {
    find_job("reverse-digit");
    FAIL();
  } catch (const Error& error) {
    expect_has(error.what(), "did you mean \"reverse-digits\"");
  }
}

}  // namespace
}  // namespace muster::plan
