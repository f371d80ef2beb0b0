#include "launcher/rows/page.h"

#include <gtest/gtest.h>

#include "runtime/base/text.h"

namespace muster::rows {
namespace {

PublishedRow row() {
  return {.id = "v0.4-draft1-llama8b-dtensor",
          .release = "v0.4",
          .job = "grpo-llama3.1-8b-16xh100-dtensor",
          .model = "Llama-3.1-8B-Instruct",
          .algorithm = "GRPO",
          .mode = "on-policy",
          .backend = "dtensor",
          .system = "DGX-H100",
          .cluster = "dgx-h100",
          .gpus = 16,
          .gen_dtype = "bf16",
          .train_dtype = "bf16",
          .dataset = "OpenMathInstruct-2",
          .max_sequence_tokens = 4096,
          .samples_per_step = 2048,
          .update_samples = 512,
          .gen_tp = 1,
          .gen_pp = 1,
          .gen_dp = 1,
          .train_tp = 1,
          .train_cp = 1,
          .train_ep = 1,
          .train_pp = 1,
          .train_dp = 16,
          .tokens_per_s_per_gpu = 1482,
          .step_s = 114.9,
          .answer_tokens = 1056,
          .recipe = "",
          .differs = {"gen.dp"},
          .note = "Printed so."};
}

void expect_has(const std::string& page, const std::string& part) {
  EXPECT_NE(page.find(part), std::string::npos) << part << " in\n" << page;
}

TEST(RowsPage, StaysWithinAHundredColumnsAndNamesTheJobs) {
  std::vector<PublishedRow> rows = read_rows(std::filesystem::path(MUSTER_SOURCE_DIR) / "templates" / "published.toml");
  rows.at(3).unsupported = {"async.enabled = true"};
  const std::string page = rows_page(rows);
  EXPECT_TRUE(
      page.starts_with("Performance that NVIDIA published for NeMo RL v0.4 to v0.6; Muster has not measured these."));
  for (const std::string& line : base::split(page, '\n')) EXPECT_LE(line.size(), 100u) << line;
  expect_has(page, "v0.5-h100-bf16-llama8b-onpolicy             1581  92.8 *  v0.5-grpo-llama3.1-8b-16xh100\n");
  expect_has(page, "v0.4-draft1-llama8b-dtensor                 1482 114.9 *! grpo-llama3.1-8b-16xh100-dtensor\n");
  expect_has(page, "    " + rows.at(3).job + "\n");
  expect_has(
      page,
      "55 rows, 42 jobs.\n* Muster runs it: 54 of these. The others it plans.\n! The published row contains an error");
}

TEST(RowPage, SaysWhetherTheFiguresCloseAndWhatTheJobHasInstead) {
  spec::Job job;
  job.gen.dp = 16;
  const std::string page = row_page(row(), job);
  for (const std::string& line : base::split(page, '\n')) EXPECT_LE(line.size(), 100u) << line;
  expect_has(page, "NO: 1482 x 114.9 s x 16 GPUs / 2048 samples = 1330 tokens a sample");
  expect_has(page, "274 more than the answer; a prompt has about 100 to 150");
  expect_has(page, "printed generation DP 1; the job has gen.dp = 16");
  expect_has(page, "muster plan grpo-llama3.1-8b-16xh100-dtensor --cluster dgx-h100");
}

TEST(RowPage, NamesItsSourceAndWhatTheRuntimeLacks) {
  PublishedRow planned = row();
  planned.source = "NVIDIA, performance summary of NeMo RL v0.4";
  expect_has(row_page(planned, spec::Job()), "source         NVIDIA, performance summary of NeMo RL v0.4\n");
  expect_has(row_page(planned, spec::Job()), "runs           yes\n");
  planned.unsupported = {"train.cp = 2", "fp8"};
  expect_has(row_page(planned, spec::Job()), "runs           no: it needs train.cp = 2, fp8\n");
}

TEST(RowPage, EndsWithTheCommandsThatFetchAndSubmit) {
  spec::Job job;
  job.model.path = "${MUSTER_CACHE}/models/Llama-3.1-8B-Instruct";
  const std::string page = row_page(row(), job);
  for (const std::string& line : base::split(page, '\n')) EXPECT_LE(line.size(), 100u) << line;
  expect_has(page, "hf download meta-llama/Llama-3.1-8B-Instruct \\\n    --local-dir \"$MUSTER_CACHE/models/");
  expect_has(page, "export MUSTER_CACHE=\"${MUSTER_CACHE:-$HOME/.cache/muster}\"\n");
  expect_has(page, "hf download nvidia/OpenMathInstruct-2 --repo-type dataset");
  expect_has(page, "muster submit grpo-llama3.1-8b-16xh100-dtensor --cluster dgx-h100");
  job.model.path = "${MUSTER_CACHE}/models/DeepSeek-V3-BF16";
  expect_has(row_page(row(), job), "# DeepSeek-V3-BF16 is on no hub as it is");
}

TEST(RowPage, WhatWasNotPrintedIsSaid) {
  PublishedRow bare = row();
  bare.step_s = 0;
  bare.answer_tokens = 0;
  const std::string page = row_page(bare, spec::Job());
  expect_has(page, "step           not printed");
  EXPECT_EQ(page.find("closes"), std::string::npos);
}

}  // namespace
}  // namespace muster::rows
