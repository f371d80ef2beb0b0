// Whole attempts on this machine: agents and ranks are real processes.
#include "launcher/supervise/supervise.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "tests/support/small_plan.h"
#include "tests/support/temporary_folder.h"

namespace muster::supervise {

using records::read_verdict;
using records::Verdict;
namespace {

class Supervise : public testing::Test {
 protected:
  Verdict run(
      const std::vector<std::string>& behaviours, std::int64_t num_nodes,
      const Watcher& watcher = [](const Attempt&) {}) {
    spec::Plan plan = tests::small_plan(folder_.path(), num_nodes, 2, behaviours);
    plan.job.log.command = log_command_;
    base::write_file(paths_.plan(), spec::plan_text(plan));
    Nodes nodes;
    for (std::int64_t slot = 0; slot < num_nodes; ++slot)
      nodes.places.push_back({slot, spec::this_host(), "127.0.0.1"});
    const Verdict verdict = run_attempt(plan, nodes, {.watcher = watcher});
    EXPECT_TRUE(tests::processes_with(folder_.path()).empty());
    EXPECT_EQ(read_verdict(paths_, verdict.attempt), verdict);
    return verdict;
  }
  tests::TemporaryFolder folder_;
  spec::RunPaths paths_{folder_.path()};
  std::vector<std::string> log_command_;
};

TEST_F(Supervise, TwoSlotsWithAnAgentEach) {
  const Verdict verdict = run({"ok"}, 2);
  EXPECT_EQ(verdict.code, 0) << verdict.sentence;
  EXPECT_TRUE(std::filesystem::exists(paths_.node_log(0, 1)));
  EXPECT_TRUE(std::filesystem::exists(paths_.rank_log(0, 3)));
}

TEST_F(Supervise, AFailureOnOneSlotEndsTheOther) {
  const base::Stopwatch watch;
  const Verdict verdict = run({"run", "3:segv"}, 2);
  EXPECT_EQ(verdict.code, 4);
  EXPECT_EQ(verdict.rank, 3);
  EXPECT_NE(verdict.sentence.find("train.dp all_reduce #12 grads"), std::string::npos) << verdict.sentence;
  EXPECT_LT(watch.elapsed_s(), 10);
}

TEST_F(Supervise, AProgramOfTheUsersGetsTheRecords) {
  const std::filesystem::path kept = folder_.path() / "kept.jsonl";
  log_command_ = {"sh", "-c", "cat > \"$0\"", kept.string()};
  const Verdict verdict = run({"ok", "0:records"}, 1);
  EXPECT_EQ(verdict.code, 0) << verdict.sentence;
  const std::string lines = base::read_file(kept);
  const std::size_t steps = base::split(base::read_file(paths_.steps()), '\n').size() - 1;
  EXPECT_GT(steps, 5U);
  EXPECT_EQ(base::split(lines, '\n').size() - 1, steps + 2) << "and the run before, the verdict after";
  EXPECT_NE(lines.find("{\"record\":\"verdict\",\"attempt\":0,\"code\":0"), std::string::npos) << lines;
}

TEST_F(Supervise, AStoppedRankEndsTheRun) {
  const Verdict verdict = run({"run", "1:stop"}, 2);
  EXPECT_EQ(verdict.code, 4);
  EXPECT_EQ(verdict.rank, 1) << verdict.sentence;
}

TEST_F(Supervise, CtrlCEndsEverything) {
  bool sent = false;
  const Verdict verdict = run({"run"}, 2, [&](const Attempt& attempt) {
    if (!sent && std::filesystem::exists(attempt.paths.rank_log(0, 3))) sent = ::kill(::getpid(), SIGINT) == 0;
  });
  EXPECT_EQ(verdict.code, 130) << verdict.sentence;
}

TEST_F(Supervise, AKilledAgentIsNoSuccess) {
  bool sent = false;
  const Verdict verdict = run({"run"}, 2, [&](const Attempt& attempt) {
    if (sent || !std::filesystem::exists(attempt.paths.rank_log(0, 3))) return;
    for (const pid_t pid : tests::processes_with("--slot"))
      if (base::read_file("/proc/" + std::to_string(pid) + "/cmdline").find(std::string("--slot\0001", 8)) !=
          std::string::npos)
        ::kill(pid, SIGKILL), sent = true;
  });
  EXPECT_EQ(verdict.code, 4) << verdict.sentence;
  EXPECT_NE(verdict.sentence.find("slot 1"), std::string::npos) << verdict.sentence;
}

TEST_F(Supervise, ASecondAttemptFollowsTheFirst) {
  EXPECT_EQ(run({"run", "0:exit3"}, 1).code, 3);
  const Verdict second = run({"ok"}, 1);
  EXPECT_EQ(second.attempt, 1);
  EXPECT_EQ(second.code, 0) << second.sentence;
}

TEST_F(Supervise, AnAttemptThatWasOvertakenSaysSo) {
  bool done = false;
  const Verdict verdict = run({"run"}, 1, [&](const Attempt& attempt) {
    if (done || !std::filesystem::exists(attempt.paths.rank_log(0, 1))) return;
    base::write_file(attempt.paths.epoch(), spec::epoch_text({.attempt = 9, .id = "newer", .host = "there"}));
    done = true;
  });
  EXPECT_EQ(verdict.code, 4);
  EXPECT_NE(verdict.sentence.find("attempt 9 on there has taken over this run"), std::string::npos) << verdict.sentence;
}

TEST_F(Supervise, WhatTheUsersProgramLeavesInASessionOfItsOwnIsEnded) {
  // run() itself looks that no process names the folder any more.
  log_command_ = {"sh", "-c", "setsid sleep 604 & cat > /dev/null", folder_.path().string()};
  std::vector<pid_t> found;
  const Verdict verdict = run({"ok"}, 1, [&](const Attempt&) {
    if (found.empty())
      found =
          tests::processes_with(std::string("sleep\0"
                                            "604",
                                            9));
  });
  EXPECT_EQ(verdict.code, 0) << verdict.sentence;
  ASSERT_FALSE(found.empty());
  for (const pid_t pid : found) EXPECT_FALSE(base::process_facts(pid).has_value()) << pid;
}

TEST_F(Supervise, ACopiedFolderIsRefusedBecauseItsPlanIsThatOfTheOriginal) {
  run({"ok"}, 1);
  const tests::TemporaryFolder elsewhere;
  const std::filesystem::path copy = elsewhere.path() / "copy", link = elsewhere.path() / "link";
  std::filesystem::copy(folder_.path(), copy, std::filesystem::copy_options::recursive);
  try {
    supervise({copy.string()});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(std::string(error.what()).find("muster run --run-dir " + copy.string()), std::string::npos)
        << error.what();
  }
  EXPECT_FALSE(base::is_there(paths_.attempt(1)));
  // A link to the folder is the folder.
  std::filesystem::create_symlink(folder_.path(), link);
  EXPECT_EQ(supervise({link.string()}), 0);
  EXPECT_TRUE(base::is_there(paths_.attempt(1)));
}

TEST_F(Supervise, TheOlderOfTwoAttemptsWritesNoMore) {
  std::int64_t lines = -1;
  const Verdict verdict = run({"stubborn"}, 1, [&](const Attempt& attempt) {
    std::error_code ignored;
    if (lines >= 0 || !std::filesystem::exists(attempt.paths.steps(), ignored) ||
        std::filesystem::file_size(attempt.paths.steps()) == 0)
      return;
    base::write_file(attempt.paths.epoch(), spec::epoch_text({.attempt = 9, .id = "newer", .host = "there"}));
    lines = static_cast<std::int64_t>(std::filesystem::file_size(attempt.paths.steps()));
  });
  EXPECT_EQ(verdict.code, 4) << verdict.sentence;
  EXPECT_NE(verdict.sentence.find("taken over"), std::string::npos) << verdict.sentence;
  // One line may have been on its way when the epoch changed.
  EXPECT_LE(static_cast<std::int64_t>(std::filesystem::file_size(paths_.steps())), lines + 80);
}

}  // namespace
}  // namespace muster::supervise
