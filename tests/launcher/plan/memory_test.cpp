#include <gtest/gtest.h>

#include <algorithm>

#include "launcher/plan/fixes.h"
#include "launcher/plan/memory_fit.h"
#include "launcher/plan/memory_text.h"
#include "launcher/plan/plan.h"
#include "launcher/plan/show.h"
#include "launcher/rows/rows.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace muster::plan {
namespace {

Planned planned(const std::string& job, const std::string& cluster, std::vector<std::string> overrides = {}) {
  return make_plan({.job = job, .overrides = std::move(overrides), .cluster = cluster});
}

TEST(Memory, EveryPublishedRecipeFitsWhereItRan) {
  std::size_t known = 0;
  std::vector<std::string> seen;
  for (const rows::PublishedRow& row : rows::shipped_rows()) {
    if (std::find(seen.begin(), seen.end(), row.job) != seen.end()) continue;
    seen.push_back(row.job);
    const Planned plan = planned(row.job, row.cluster);
    for (const spec::RankMemory& rank : spec::memory_of(plan.plan)) {
      ++known;
      EXPECT_LE(static_cast<double>(rank.largest().device.total()) / 1e9, plan.plan.device_memory_gb) << row.job;
      if (rank.generates) {
        EXPECT_GE(rank.kv_pages * plan.plan.job.gen.page_tokens, plan.plan.job.grpo.max_sequence_tokens) << row.job;
      }
    }
    for (const std::string& warning : plan.plan.warnings) EXPECT_EQ(warning.find("may not fit"), std::string::npos);
  }
  EXPECT_GE(known, 40u);
}

TEST(Memory, WhatCannotFitIsRefusedWithThePhaseTheExcessAndMendsThatFit) {
  try {
    planned("grpo-llama3.1-8b-16xh100-megatron", "dgx-h100",
            {"model.name=llama-3.1-70b", "model.path=", "train.pp=1", "train.dp=16"});
    FAIL() << "must throw";
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("does not fit: phase train of a rank holds"), std::string::npos) << what;
    EXPECT_NE(what.find("of weights and state alone, but a GPU of cluster dgx-h100 has 85.5 GB"), std::string::npos);
    EXPECT_NE(what.find("with train.dp ="), std::string::npos) << what;
  }
}

TEST(Memory, EachMendFitsWhenItIsMade) {
  Planned plan = planned("grpo-llama3.1-8b-16xh100-megatron", "dgx-h100");
  plan.plan.device_memory_gb = 30;
  for (const Fix& fix : suggest_fixes(plan.plan, plan.cluster, 3)) {
    EXPECT_LE(fix.largest_gb, 30);
    EXPECT_FALSE(fix.change.empty());
  }
}

TEST(Memory, AnEstimateThatExceedsIsAWarning) {
  const Planned plan =
      planned("grpo-llama3.1-8b-16xh100-megatron", "dgx-h100", {"train.recompute=none", "train.mbs=32"});
  std::string found;
  for (const std::string& warning : plan.plan.warnings) {
    if (warning.starts_with("may not fit: phase train")) found = warning;
  }
  EXPECT_NE(found.find("more than a GPU has; set"), std::string::npos) << found;
  EXPECT_NE(memory_page(plan.plan, plan.cluster).find("TOO MUCH"), std::string::npos);
}

TEST(Memory, TheLargestRecipeIsPlanned) {
  const Planned plan = planned("v0.5-dapo-deepseek-v3-512xh100", "dgx-h100");
  EXPECT_FALSE(plan_page(plan.plan, plan.cluster, "").empty());
  EXPECT_EQ(plan.plan.ranks.size(), 512u);
}

TEST(Memory, ThePageIsATableAndABarAPhaseOfAtMostAHundredColumns) {
  const Planned plan = planned("v0.5-grpo-deepseek-v3-256xh100", "dgx-h100");
  const std::string page = memory_page(plan.plan, plan.cluster);
  for (const char* part : {"gen_weights", "~ activations", "moments", "host", "on the GPU", "█", "of 85.5 GB",
                           "pages of 16 tokens", "of 2000 GB of a node"})
    EXPECT_NE(page.find(part), std::string::npos) << part << "\n" << page;
  for (const std::string& line : base::split(page, '\n')) {
    const auto columns = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
    EXPECT_LE(columns, 100) << line;
  }
  EXPECT_NE(memory_page(planned("reverse-digits", "local").plan, {}).find("gradients"), std::string::npos);
}

}  // namespace
}  // namespace muster::plan
