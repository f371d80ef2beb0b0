#include "runtime/base/subreaper.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>

#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "tests/support/temporary_folder.h"

namespace muster::base {
namespace {

class SubreaperTest : public testing::Test {
 protected:
  ~SubreaperTest() override { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }
  // The number that a program wrote.
  pid_t written(const std::string& name) const {
    for (const Stopwatch watch; watch.elapsed_s() < 10; ::usleep(5000)) {
      pid_t pid = 0;
      std::istringstream(is_there(folder_.path() / name) ? read_file(folder_.path() / name) : "") >> pid;
      if (pid > 0) return pid;
    }
    return -1;
  }
  static bool runs(pid_t pid) {
    const auto facts = process_facts(pid);
    return facts && !facts->has_ended;
  }
  tests::TemporaryFolder folder_;
};

TEST_F(SubreaperTest, EndsADaemonWithASessionOfItsOwnAndItsChildrenAndSparesWhatWasThereBefore) {
  const pid_t before = start_child({.command = {"/bin/sleep", "60"}});
  const Subreaper subreaper;
  // The shell ends at once; what it started lives on in another session, and starts one more.
  const pid_t shell =
      start_child({.command = {"/bin/sh", "-c", "setsid sh -c 'echo $$ > daemon; sleep 60 & echo $! > below; wait' &"},
                   .folder = folder_.path()});
  const pid_t daemon = written("daemon"), below = written("below");
  wait_child(shell, true);
  ASSERT_TRUE(runs(daemon) && runs(below));
  EXPECT_EQ(subreaper.end_rest(10), 2);
  EXPECT_FALSE(process_facts(daemon).has_value());
  EXPECT_FALSE(process_facts(below).has_value());
  EXPECT_TRUE(runs(before));
  signal_child(before, SIGKILL);
  wait_child(before, true);
}

TEST_F(SubreaperTest, ReapsOrphansAndLeavesItsOwnToOthers) {
  const Subreaper subreaper;
  const pid_t own =
      start_child({.command = {"/bin/sh", "-c", "sh -c 'echo $$ > orphan; exec sleep 0.2' & sleep 0.1; exit 5"},
                   .folder = folder_.path()});
  const pid_t orphan = written("orphan");
  const std::vector<pid_t> ours{own};
  for (const Stopwatch watch; watch.elapsed_s() < 10 && !process_facts(own)->has_ended;) ::usleep(5000);
  subreaper.reap_orphans(ours);
  EXPECT_EQ(wait_child(own, true).value().code, 5);
  for (const Stopwatch watch; watch.elapsed_s() < 10 && process_facts(orphan);) {
    subreaper.reap_orphans(ours);
    ::usleep(5000);
  }
  EXPECT_FALSE(process_facts(orphan).has_value());
}

}  // namespace
}  // namespace muster::base
