// `muster run` as people and scripts start it: the real program, with ranks that do no work.
#include "launcher/run/run.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/base/hardware.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/spec/epoch.h"
#include "tests/support/small_plan.h"
#include "tests/support/temporary_folder.h"

namespace muster::run {
namespace {

namespace fs = std::filesystem;
using base::text;

const std::string kMuster = std::string(MUSTER_BINARY_DIR) + "/bin/muster";

class Run : public testing::Test {
 protected:
  ~Run() override {
    for (const pid_t pid : tests::processes_with(folder_.path())) ::kill(pid, SIGKILL);
  }

  // "muster run --plan ..." for a shell; the ranks behave as told.
  std::string command(const std::vector<std::string>& behaviours) {
    spec::Plan plan = tests::small_plan(paths_.folder, 1, 2, behaviours);
    plan.job.model.path = folder_.path();
    base::write_file(folder_.path() / "plan.toml", spec::plan_text(plan));
    return text(kMuster, " run --plan ", (folder_.path() / "plan.toml").string());
  }
  pid_t start(const std::string& script) {
    return base::start_child({.command = {"/bin/sh", "-c", script}, .output = output_, .folder = folder_.path()});
  }
  int code_of(const std::string& script) {
    const base::ChildEnd end = base::wait_child(start(script), true).value();
    return end.signal != 0 ? 128 + end.signal : end.code;
  }
  template <class IsTrue>
  static bool within_20_s(IsTrue is_true) {
    for (const base::Stopwatch watch; !is_true(); ::usleep(10'000))
      if (watch.elapsed_s() > 20) return false;
    return true;
  }
  bool ranks_run() const {
    return within_20_s([&] {
      const fs::path log = paths_.rank_log(0, 1);
      return base::is_there(log) && base::read_file(log).find("fake rank") != std::string::npos;
    });
  }
  bool verdict_is(int code) const {
    const std::string wanted = text("\"code\":", code, ",");
    return within_20_s([&] { return base::is_there(paths_.verdict(0)); }) &&
           base::read_file(paths_.verdict(0)).find(wanted) != std::string::npos;
  }
  std::string output() const { return base::is_there(output_) ? base::read_file(output_) : ""; }
  std::string content(const std::string& name) const { return base::read_file(folder_.path() / name); }

  tests::TemporaryFolder folder_;
  spec::RunPaths paths_{folder_.path() / "run"};
  fs::path output_ = folder_.path() / "output";
};

TEST_F(Run, GoesOnThroughAHangupAndAnInterruptThatItsStarterIgnores) {
  // nohup ignores HUP; a script that starts it with & ignores INT.
  const pid_t pid = start("trap '' HUP INT; exec " + command({"usr2"}));
  ASSERT_TRUE(ranks_run()) << output();
  ::kill(pid, SIGHUP);
  ::kill(pid, SIGINT);
  ::kill(pid, SIGUSR2);  // the ranks then finish
  EXPECT_EQ(base::wait_child(pid, true).value().code, 0) << output();
  EXPECT_TRUE(verdict_is(0));
}

TEST_F(Run, AHangupThatNobodyIgnoresEndsItWithAVerdict) {
  const pid_t pid = start("exec " + command({"run"}));
  ASSERT_TRUE(ranks_run()) << output();
  ::kill(pid, SIGHUP);
  EXPECT_EQ(base::wait_child(pid, true).value().code, 128 + SIGHUP) << output();
  EXPECT_TRUE(verdict_is(128 + SIGHUP));
}

TEST_F(Run, NeedsNoStandardDescriptors) {
  for (const char* closed : {"2>&-", ">&- 2>&-", "<&- >&- 2>&-"}) {
    fs::remove_all(paths_.folder);
    EXPECT_EQ(code_of(text("exec ", command({"ok"}), " ", closed)), 0) << closed;
    EXPECT_TRUE(verdict_is(0)) << closed;
    EXPECT_NE(base::read_file(paths_.node_log(0, 0)).find("started 2 ranks"), std::string::npos) << closed;
  }
}

TEST_F(Run, GoesOnWhenItsReaderLeavesOrNothingCanBePrinted) {
  EXPECT_EQ(code_of(text("{ ", command({"records"}), "; echo $? > code; } 2>&1 | head -1")), 0);
  EXPECT_EQ(content("code"), "0\n");
  EXPECT_TRUE(verdict_is(0));
  fs::remove_all(paths_.folder);
  EXPECT_EQ(code_of(command({"ok"}) + " > /dev/full"), 0) << output();
  EXPECT_TRUE(verdict_is(0));
}

TEST_F(Run, APlanForGpusIsRefusedWhereThereAreNoneBeforeAnythingIsWritten) {
  if (!base::gpus().empty() || base::is_there("/dev/nvidiactl")) GTEST_SKIP() << "this machine has a GPU";
  const std::string job =
      text(kMuster, " run reverse-digits-gpu --cluster dgx-h100 --run-dir ", paths_.folder.string());
  EXPECT_EQ(code_of("unset SLURM_JOB_ID; " + job), 2);
  EXPECT_NE(output().find("this machine has no GPU"), std::string::npos) << output();
  EXPECT_FALSE(base::is_there(paths_.folder));
}

TEST_F(Run, ARunFolderThatIsGoneEndsItWithASentenceAndCode2) {
  const pid_t pid = start("exec " + command({"run"}));
  ASSERT_TRUE(ranks_run()) << output();
  fs::remove_all(paths_.folder);
  EXPECT_EQ(base::wait_child(pid, true).value().code, 2) << output();
  EXPECT_NE(output().find("its folder was removed or moved while it ran"), std::string::npos) << output();
  EXPECT_TRUE(tests::processes_with(paths_.folder).empty());
}

TEST_F(Run, DetachedItReturnsOnceTheRanksRunAndOutlivesItsStarter) {
  EXPECT_EQ(code_of(command({"usr2"}) + " --detach"), 0) << output();
  EXPECT_NE(output().find("run folder "), std::string::npos) << output();
  EXPECT_NE(output().find("muster logs -f "), std::string::npos) << output();
  const spec::Epoch epoch = spec::current_epoch(paths_.folder).value();
  const auto pid = static_cast<pid_t>(epoch.pid);
  EXPECT_TRUE(spec::is_alive_here(epoch));
  EXPECT_EQ(::getsid(pid), pid) << "no terminal can hang it up";
  ASSERT_TRUE(ranks_run());
  base::signal_process(pid, epoch.start_ticks, SIGUSR2);
  EXPECT_TRUE(verdict_is(0));
  EXPECT_NE(base::read_file(paths_.attempt(0) / "run.log").find("run folder "), std::string::npos);
}

TEST_F(Run, WhatGoesWrongBeforeADetachedRunBeginsIsItsStartersCode) {
  const std::string plan = command({"ok"});
  base::write_file(paths_.folder.string(), "a file where the folder should be");
  EXPECT_EQ(code_of(plan + " --detach"), 2);
  EXPECT_NE(output().find("cannot make the folder"), std::string::npos) << output();
  fs::remove(paths_.folder);
  base::write_file(folder_.path() / "plan.toml", "nonsense = 1\n");
  EXPECT_EQ(code_of(text(kMuster, " run --detach --plan ", (folder_.path() / "plan.toml").string())), 2);
}

TEST_F(Run, IsCancelledByTheStartOfItsProcessAndNotByItsNumberAlone) {
  EXPECT_EQ(code_of(command({"run"}) + " --detach"), 0) << output();
  spec::Epoch epoch = spec::current_epoch(paths_.folder).value();
  const std::string cancel = text(kMuster, " cancel ", paths_.folder.string());
  // The number now belongs to somebody else's process.
  const pid_t other = base::start_child({.command = {"/bin/bash", "-c", "exec -a muster-notes sleep 60"}});
  spec::Epoch recycled = epoch;
  recycled.pid = other;
  base::write_file(paths_.epoch(), spec::epoch_text(recycled));
  EXPECT_EQ(code_of(cancel), 0) << output();
  EXPECT_NE(output().find("over: nothing to cancel"), std::string::npos) << output();
  EXPECT_FALSE(base::wait_child(other, false).has_value()) << "it was ended";
  base::signal_child(other, SIGKILL);
  base::wait_child(other, true);
  base::write_file(paths_.epoch(), spec::epoch_text(epoch));
  EXPECT_EQ(code_of(cancel), 0) << output();
  EXPECT_NE(output().find("ended: ended by SIGTERM"), std::string::npos) << output();
  EXPECT_EQ(code_of(cancel), 0);
  EXPECT_NE(output().find("the run is over already"), std::string::npos) << output();
}

TEST_F(Run, WhoseSupervisorWasKilledIsOverAndLeavesItsKeyToTheNextAttempt) {
  EXPECT_EQ(code_of(command({"run"}) + " --detach"), 0) << output();
  const spec::Epoch epoch = spec::current_epoch(paths_.folder).value();
  ASSERT_TRUE(ranks_run());
  base::signal_process(static_cast<pid_t>(epoch.pid), epoch.start_ticks, SIGKILL);
  ASSERT_TRUE(within_20_s([&] { return !spec::is_alive_here(epoch); }));
  EXPECT_EQ(code_of(text(kMuster, " cancel ", paths_.folder.string())), 0) << output();
  EXPECT_NE(output().find("over: nothing to cancel"), std::string::npos) << output();
  EXPECT_TRUE(base::is_there(paths_.attempt(0) / "key"));
  EXPECT_EQ(code_of(command({"ok"})), 0) << output();
  EXPECT_TRUE(base::is_there(paths_.verdict(1)));
  EXPECT_FALSE(base::is_there(paths_.attempt(0) / "key"));
}

}  // namespace
}  // namespace muster::run
