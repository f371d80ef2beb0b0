#include "launcher/run/from_checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/spec/data_identity.h"
#include "tests/support/small_plan.h"
#include "tests/support/temporary_folder.h"

namespace muster::run {
namespace {

namespace fs = std::filesystem;

std::string message(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// A run of two ranks with checkpoints after steps 4 and 6, and the plan of another that may begin with one.
class FromCheckpoint : public testing::Test {
 protected:
  FromCheckpoint() : old_(tests::small_plan(folder_.path() / "old", 1, 2, {})), next_(old_) {
    old_.job.checkpoint.every = 2;
    next_ = old_;
    next_.run_folder = folder_.path() / "next";
    base::make_folder(old_.run_folder);
    base::write_file(spec::RunPaths{old_.run_folder}.plan(), spec::plan_text(old_));
    for (const std::int64_t step : {4, 6}) write_checkpoint(step);
  }
  void write_checkpoint(std::int64_t step) const {
    const fs::path folder = spec::checkpoint_folder({old_.run_folder}, step);
    spec::CheckpointManifest manifest{.step = step,
                                      .attempt = 1,
                                      .layout = spec::layout_text(old_),
                                      .decides = spec::deciding_values(old_),
                                      .weight_version = step + 1,
                                      .data_epoch = 1,
                                      .data_position = 3};
    for (const std::int64_t rank : {0, 1}) {
      const std::string content = base::text("state of rank ", rank, " after ", step);
      base::make_folder(folder);
      base::write_file(folder / spec::checkpoint_file_name(rank), content);
      manifest.files.push_back(
          {spec::checkpoint_file_name(rank), static_cast<std::int64_t>(content.size()), base::sha256_of(content)});
    }
    base::write_file(spec::manifest_path(folder), spec::checkpoint_manifest_json(manifest));
  }
  std::string word(const std::string& step = "") const { return old_.run_folder.string() + step; }
  /// What stands in the way of `next_`, or "".
  std::string refusal() const {
    return message([&] { plan_takeover(find_checkpoint(word()), next_); });
  }

  tests::TemporaryFolder folder_;
  spec::Plan old_, next_;
};

TEST_F(FromCheckpoint, TheNewestOrTheOneOfAStepIsFound) {
  EXPECT_EQ(find_checkpoint(word()).step, 6);
  EXPECT_EQ(find_checkpoint(word("@4")).step, 4);
  EXPECT_NE(message([&] { find_checkpoint(word("@5")); }).find("steps 4, 6"), std::string::npos);
  EXPECT_NE(message([&] { find_checkpoint("nowhere"); }).find("no run folder"), std::string::npos);
}

TEST_F(FromCheckpoint, ADamagedOneIsRefused) {
  base::write_file(spec::checkpoint_folder({old_.run_folder}, 6) / spec::checkpoint_file_name(1), "short");
  EXPECT_NE(message([&] { find_checkpoint(word()); }).find("has 5 bytes"), std::string::npos);
  EXPECT_EQ(find_checkpoint(word("@4")).step, 4);
}

TEST_F(FromCheckpoint, AJobWithOtherSettingsKeepsStateAndPlaceInTheData) {
  next_.job.optimizer.lr = 0.25;
  const Takeover takeover = plan_takeover(find_checkpoint(word()), next_);
  EXPECT_TRUE(takeover.keeps_data_position);
  EXPECT_EQ(takeover.manifest.data_position, 3);
  const std::string page = takeover_page(takeover);
  EXPECT_NE(page.find("after step 6"), std::string::npos) << page;
  EXPECT_NE(page.find("-> 0.25"), std::string::npos) << page;
  base::make_folder(next_.run_folder);
  write_takeover(takeover, next_);
  const spec::RunPaths paths{next_.run_folder};
  EXPECT_EQ(spec::complete_checkpoints(paths), std::vector<std::int64_t>{6});
  for (const std::int64_t rank : {0, 1}) EXPECT_EQ(spec::checkpoint_fault(paths, next_, 6, rank), "");
}

TEST_F(FromCheckpoint, OtherPromptsAreDrawnFromTheirFirst) {
  for (const auto& change : std::vector<std::function<void(spec::Job&)>>{
           [](spec::Job& job) { job.data.path = "builtin:letters"; }, [](spec::Job& job) { job.seed = 9; },
           [](spec::Job& job) { job.data.held_out = 2; }}) {
    next_.job = old_.job;
    change(next_.job);
    const Takeover takeover = plan_takeover(find_checkpoint(word()), next_);
    EXPECT_FALSE(takeover.keeps_data_position);
    EXPECT_EQ(takeover.manifest.data_epoch + takeover.manifest.data_position, 0);
    EXPECT_NE(takeover_page(takeover).find("the data, from its first prompt"), std::string::npos);
  }
}

TEST_F(FromCheckpoint, TheRowsOfAKeptPlaceAreHeldAgainstThoseOfTheOldRun) {
  base::write_file(spec::data_identity_file(old_.run_folder), "rows");
  base::make_folder(next_.run_folder);
  write_takeover(plan_takeover(find_checkpoint(word()), next_), next_);
  EXPECT_EQ(base::read_file(spec::data_identity_file(next_.run_folder)), "rows");
}

TEST_F(FromCheckpoint, WhatCannotGoOnIsRefusedByName) {
  const auto refused = [&](const std::function<void(spec::Plan&)>& change) {
    next_.job = old_.job, next_.model = old_.model;
    change(next_);
    return refusal();
  };
  EXPECT_NE(refused([](spec::Plan& plan) { plan.model.hidden_size = 128; }).find("hidden_size 64 -> 128"),
            std::string::npos);
  EXPECT_NE(refused([](spec::Plan& plan) { plan.job.grpo.steps = 6; }).find("N above 6"), std::string::npos);
  EXPECT_NE(refused([](spec::Plan& plan) { plan.job.checkpoint.every = 0; }).find("checkpoint.every=2"),
            std::string::npos);
  EXPECT_NE(refused([](spec::Plan& plan) {
              plan.job.loss.kl_weight = plan.job.warmup.sft_steps = 1;
            }).find("the checkpoint does not hold"),
            std::string::npos);
  EXPECT_EQ(refused([](spec::Plan& plan) { plan.model.end_tokens = {7}; }), "");
}

TEST_F(FromCheckpoint, OneThatTheLayoutCannotReadLeavesNothing) {
  next_.job.optimizer.lr = 0.25;
  Takeover takeover = plan_takeover(find_checkpoint(word()), next_);
  takeover.manifest.layout = "another";
  base::make_folder(next_.run_folder);
  EXPECT_NE(message([&] { write_takeover(takeover, next_); }).find("cannot be read under this job"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(next_.run_folder));
  EXPECT_EQ(find_checkpoint(word()).step, 6);
}

TEST(JobChanges, AreKeysWithTheirValuesBeforeAndAfter) {
  spec::Job was, is;
  is.name = "other";
  is.grpo.steps = was.grpo.steps + 1;
  const std::vector<std::string> changes = job_changes(was, is);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0], base::text("grpo.steps ", was.grpo.steps, " -> ", is.grpo.steps));
}

}  // namespace
}  // namespace muster::run
