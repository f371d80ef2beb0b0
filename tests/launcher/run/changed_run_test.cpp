#include "launcher/run/changed_run.h"

#include <gtest/gtest.h>

#include <functional>

#include "launcher/run/run_folder.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
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

bool has(const std::string& page, const std::string& words) { return page.find(words) != std::string::npos; }

class ChangedRunOfAJob : public testing::Test {
 protected:
  ChangedRunOfAJob() {
    fs::current_path(folder_.path());
    write_job(4);
    write_run_folder(prepare({.verb = "run", .words = {"mine.toml"}, .overrides = {"log.every=7"}, .run_dir = "run"}));
  }
  ~ChangedRunOfAJob() override { fs::current_path(before_); }
  static void write_job(int warmup_steps) {
    base::write_file("mine.toml",
                     "base = \"reverse-digits\"\n[optimizer]\nwarmup_steps = " + std::to_string(warmup_steps) + "\n");
  }
  static StartOptions again(std::vector<std::string> overrides) {
    return {.verb = "run", .overrides = std::move(overrides), .run_dir = "run"};
  }

  tests::TemporaryFolder folder_;
  fs::path before_ = fs::current_path();
};

TEST_F(ChangedRunOfAJob, HasMoreStepsFromItsNextAttemptOn) {
  const Prepared prepared = prepare(again({"grpo.steps=77"}));
  EXPECT_TRUE(prepared.is_next_attempt);
  EXPECT_EQ(prepared.plan.job.grpo.steps, 77);
  EXPECT_EQ(prepared.plan.job.log.every, 7);
  ASSERT_EQ(prepared.notes.size(), 1u);
  EXPECT_TRUE(has(prepared.notes[0], "-> 77")) << prepared.notes[0];
  write_run_folder(prepared);
  EXPECT_EQ(spec::read_plan("run/plan.toml").job.grpo.steps, 77);
  EXPECT_TRUE(prepare(again({})).notes.empty());
}

TEST_F(ChangedRunOfAJob, StaysTheRunThatItIs) {
  for (const char* const setting : {"optimizer.lr=0.5", "seed=3", "data.path=builtin:sums", "loss.kl_weight=0.5"}) {
    const std::string said = message([&] { prepare(again({setting})); });
    EXPECT_TRUE(has(said, "what a run computes")) << said;
    EXPECT_TRUE(has(said, "--from")) << said;
  }
  EXPECT_TRUE(has(message([&] { prepare(again({"grpo.stepz=3"})); }), "grpo.stepz"));
}

TEST_F(ChangedRunOfAJob, AnEditedJobFileIsReportedAndTheRunKeepsItsOwn) {
  EXPECT_TRUE(prepare(again({})).notes.empty());
  write_job(9);
  const Prepared prepared = prepare(again({}));
  ASSERT_EQ(prepared.notes.size(), 1u);
  EXPECT_TRUE(has(prepared.notes[0], "optimizer.warmup_steps 4 -> 9")) << prepared.notes[0];
  EXPECT_EQ(prepared.plan.job.optimizer.warmup_steps, 4);
  base::write_file("mine.toml", "steps = ");
  EXPECT_TRUE(has(prepare(again({})).notes.at(0), "cannot be planned any more"));
  fs::remove("mine.toml");
  EXPECT_TRUE(prepare(again({})).notes.empty());
}

TEST_F(ChangedRunOfAJob, FromNeedsTheJobOfANewRun) {
  EXPECT_TRUE(has(message([] { prepare({.verb = "run", .run_dir = "new", .from = "run"}); }), "needs its JOB"));
  EXPECT_TRUE(has(message([] { prepare({.verb = "run", .words = {"mine.toml"}, .run_dir = "new", .from = "run"}); }),
                  "no checkpoint"));
}

}  // namespace
}  // namespace muster::run
