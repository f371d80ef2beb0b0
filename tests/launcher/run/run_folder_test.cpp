#include "launcher/run/run_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "launcher/records/submission.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::run {

using records::add_submission;
using records::find_run;
using records::newest_run_folder;
using records::read_submissions;
using records::Submission;
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

class RunFolder : public testing::Test {
 protected:
  RunFolder() { fs::current_path(folder_.path()); }
  ~RunFolder() override { fs::current_path(before_); }
  StartOptions tiny(const std::string& run_dir) const {
    return {.verb = "run", .words = {"reverse-digits"}, .run_dir = run_dir};
  }

  tests::TemporaryFolder folder_;
  fs::path before_ = fs::current_path();
};

TEST_F(RunFolder, HoldsThePlanAndTheScriptThatRerunIt) {
  const Prepared prepared = prepare(tiny("mine"));
  EXPECT_FALSE(prepared.is_next_attempt);
  write_run_folder(prepared);
  const spec::RunPaths paths{fs::canonical(folder_.path()) / "mine"};
  const spec::Plan plan = spec::read_plan(paths.plan());
  EXPECT_EQ(fs::canonical(plan.run_folder), paths.folder);
  EXPECT_NE(base::read_file(paths.batch_script()).find(" supervise "), std::string::npos);
  EXPECT_TRUE(prepare({.verb = "run", .run_dir = "mine"}).is_next_attempt);
}

TEST_F(RunFolder, IsNamedForJobAndTimeWhenNobodyNamesIt) {
  const Prepared prepared = prepare(tiny(""));
  EXPECT_EQ(prepared.plan.run_folder.parent_path().filename(), "runs");
  EXPECT_TRUE(prepared.plan.run_folder.filename().string().starts_with("reverse-digits-"));
  write_run_folder(prepared);
  EXPECT_EQ(newest_run_folder(), prepared.plan.run_folder);
  EXPECT_NE(default_run_folder("reverse-digits"), prepared.plan.run_folder);
}

TEST_F(RunFolder, AVariableOfTheRewardProgramThatIsNotSetIsNamed) {
  StartOptions options = tiny("mine");
  options.overrides = {"reward.kind=command", "reward.command=[\"true\"]", "reward.environment=[\"JUDGE_KEY\"]"};
  ::unsetenv("JUDGE_KEY");
  EXPECT_NE(message([&] { prepare(options); }).find("JUDGE_KEY is not set here"), std::string::npos);
  ::setenv("JUDGE_KEY", "secret", 1);
  const Prepared prepared = prepare(options);
  EXPECT_EQ(spec::plan_text(prepared.plan).find("secret"), std::string::npos);
}

TEST_F(RunFolder, ALocalPlanThatNeedsMoreMemoryThanTheMachineHasIsToldWithBothFigures) {
  spec::Plan plan = prepare(tiny("mine")).plan;
  const std::string said = memory_shortfall(plan, 1 << 16);
  EXPECT_NE(said.find("the 1 rank needs "), std::string::npos) << said;
  EXPECT_NE(said.find("this machine has 64.0 KiB"), std::string::npos) << said;
  EXPECT_EQ(memory_shortfall(plan, std::int64_t{1} << 40), "");
  plan.device = "cuda";
  EXPECT_EQ(memory_shortfall(plan, 1 << 16), "");
}

TEST_F(RunFolder, AFolderThatHoldsARunIsNotTakenForAnother) {
  write_run_folder(prepare(tiny("mine")));
  EXPECT_NE(message([&] { prepare(tiny("mine")); }).find("holds a run already"), std::string::npos);
}

TEST_F(RunFolder, AMovedRunGoesOnInItsNewPlace) {
  write_run_folder(prepare(tiny("mine")));
  fs::rename("mine", "moved");
  const Prepared prepared = prepare({.verb = "run", .run_dir = "moved"});
  write_run_folder(prepared);
  EXPECT_EQ(spec::read_plan("moved/plan.toml").run_folder.filename(), "moved");
}

TEST_F(RunFolder, ANameThatNoPlanCanCarryIsRefusedBeforeAnythingIsWritten) {
  const auto said = [&](const std::string& verb, const std::string& name) {
    StartOptions typed = tiny(name);
    typed.verb = verb;
    return message([&] { prepare(typed); });
  };
  EXPECT_NE(said("run", "bad\xff").find("no UTF-8"), std::string::npos) << said("run", "bad\xff");
  EXPECT_NE(said("run", "a\nb").find("control character"), std::string::npos) << said("run", "a\nb");
  EXPECT_NE(said("run", "a\x1b[2J").find("control character"), std::string::npos);
  EXPECT_NE(said("run", "a\"b").find("a quote"), std::string::npos);
  EXPECT_NE(said("submit", "bad\xff").find("no UTF-8"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(folder_.path()));
  // And what is not refused can be read again.
  for (const char* name : {"with blanks", "a\\b", "it's", "\u2603", "$(x)"}) {
    write_run_folder(prepare(tiny(name)));
    EXPECT_EQ(prepare({.verb = "run", .run_dir = name}).plan.run_folder.filename(), name);
  }
}

TEST_F(RunFolder, OptionsThatWouldHaveNoEffectAreErrors) {
  write_run_folder(prepare(tiny("mine")));
  EXPECT_NE(
      message([&] { prepare({.verb = "run", .overrides = {"seed=1"}, .plan_file = "mine/plan.toml"}); }).find("--set"),
      std::string::npos);
  EXPECT_NE(message([&] { prepare({.verb = "run"}); }).find("needs a JOB"), std::string::npos);
  EXPECT_NE(message([&] { prepare({.verb = "run", .run_dir = "nowhere"}); }).find("no plan.toml"), std::string::npos);
  EXPECT_NE(message([&] {
              prepare({.verb = "run", .words = {"reverse-digits"}, .plan_file = "mine/plan.toml"});
            }).find("exclude each other"),
            std::string::npos);
}

TEST_F(RunFolder, AModelThatIsMissingIsFoundBeforeAnythingIsWritten) {
  StartOptions typed = tiny("mine");
  typed.overrides = {"model.path=\"/no/such/model\""};
  EXPECT_NE(message([&] { prepare(typed); }).find("/no/such/model"), std::string::npos);
  EXPECT_FALSE(fs::exists("mine"));
}

TEST_F(RunFolder, WhatTheRuntimeLacksIsRefusedBeforeAnythingIsWritten) {
  StartOptions typed = tiny("mine");
  typed.overrides = {"gen.draft_tokens=2", "moe.bias_update_rate=0.1"};
  const std::string said = message([&] { prepare(typed); });
  EXPECT_NE(said.find("the runtime does not run moe.bias_update_rate = 0.1 yet"), std::string::npos) << said;
  EXPECT_NE(said.find("the runtime does not run gen.draft_tokens = 2 yet"), std::string::npos) << said;
  EXPECT_NE(said.find("set gen.draft_tokens = 0"), std::string::npos) << said;
  EXPECT_FALSE(fs::exists("mine"));
}

TEST_F(RunFolder, ARunIsFoundByFolderByJobIdAndAsTheNewest) {
  const Prepared prepared = prepare(tiny(""));
  write_run_folder(prepared);
  for (const char* job : {"4710", "4711"})
    add_submission(prepared.plan.run_folder, {.job_id = job, .cluster = "test-slurm", .time = "now"});
  EXPECT_EQ(find_run("4710"), prepared.plan.run_folder);
  EXPECT_EQ(find_run(""), prepared.plan.run_folder);
  EXPECT_EQ(find_run("4711"), prepared.plan.run_folder);
  EXPECT_EQ(find_run(prepared.plan.run_folder), prepared.plan.run_folder);
  EXPECT_NE(message([] { find_run("4712"); }).find("job 4712"), std::string::npos);
  EXPECT_NE(message([] { find_run("elsewhere"); }).find("no run folder"), std::string::npos);
}

TEST_F(RunFolder, EveryJobOfARunIsKeptAlsoThatOfAnOlderFile) {
  base::make_folder("mine");
  base::write_file("mine/submit.json", "{\"job_id\":\"7\",\"cluster\":\"c\",\"time\":\"then\"}\n");
  add_submission("mine", {.job_id = "9", .cluster = "c", .time = "now"});
  const std::vector<Submission> jobs = read_submissions("mine");
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[0].job_id, "7");
  EXPECT_EQ(jobs[1].time, "now");
  base::write_file("mine/submit.json", "{\"jobs\":[]}");
  EXPECT_NE(message([] { read_submissions("mine"); }).find("not the record"), std::string::npos);
}

}  // namespace
}  // namespace muster::run
