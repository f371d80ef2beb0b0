#include "runtime/base/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::base {
namespace {

TEST(Process, HasTheEnvironmentAndOutputItWasGiven) {
  tests::TemporaryFolder folder;
  const auto log = folder.path() / "log";
  const pid_t pid = start_child({.command = {"/bin/sh", "-c", "echo $WHO; exit 7"},
                                 .environment = std::vector<std::string>{"WHO=me"},
                                 .output = log});
  const ChildEnd end = wait_child(pid, true).value();
  EXPECT_EQ(end.code, 7);
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(read_file(log), "me\n");
}

TEST(Process, ALongEnvironmentArrivesWhole) {
  tests::TemporaryFolder folder;
  const std::string value(3000, 'x');
  const pid_t pid = start_child({.command = {"/usr/bin/env"},
                                 .environment = std::vector<std::string>{"FIRST=" + value, "SECOND=" + value},
                                 .output = folder.path() / "log"});
  EXPECT_EQ(wait_child(pid, true).value().code, 0);
  EXPECT_EQ(read_file(folder.path() / "log"), "FIRST=" + value + "\nSECOND=" + value + "\n");
}

TEST(Process, AChildPrefersTheMemoryItWasGivenAndTheParentKeepsItsOwn) {
  if (!prefer_memory_node(0)) GTEST_SKIP() << "set_mempolicy is refused here (a container without the right to)";
  EXPECT_TRUE(prefer_memory_node(-1));
  tests::TemporaryFolder folder;
  const auto policies = [&](std::optional<int> node) {
    const auto log = folder.path() / (node ? "with" : "without");
    const pid_t pid =
        start_child({.command = {"/bin/cat", "/proc/self/numa_maps"}, .output = log, .memory_node = node});
    EXPECT_EQ(wait_child(pid, true).value().code, 0);
    return read_file(log);
  };
  EXPECT_NE(policies(0).find(" prefer:0 "), std::string::npos);
  EXPECT_EQ(policies(std::nullopt).find(" prefer:0 "), std::string::npos);
}

TEST(Process, TellsASignalFromACode) {
  const pid_t pid = start_child({.command = {"/bin/sh", "-c", "kill -SEGV $$"}});
  EXPECT_EQ(wait_child(pid, true).value().signal, SIGSEGV);
}

TEST(Process, AMissingProgramIsAnErrorAtOnce) { EXPECT_THROW(start_child({.command = {"/no/such/program"}}), Error); }

TEST(Process, SignalsReachTheWholeGroup) {
  const pid_t pid = start_child({.command = {"/bin/sh", "-c", "sleep 100 & wait"}});
  EXPECT_FALSE(wait_child(pid, false).has_value());
  signal_child(pid, SIGKILL);
  EXPECT_EQ(wait_child(pid, true).value().signal, SIGKILL);
}

TEST(Process, IsKnownByItsNumberAndItsStart) {
  const pid_t pid = start_child({.command = {"/bin/sleep", "60"}});
  const ProcessFacts facts = process_facts(pid).value();
  EXPECT_EQ(facts.parent, ::getpid());
  EXPECT_GT(facts.start_ticks, 0);
  EXPECT_TRUE(is_alive(pid, facts.start_ticks));
  // Another process that was given the number is neither taken for it nor signalled.
  EXPECT_FALSE(is_alive(pid, facts.start_ticks - 1));
  EXPECT_FALSE(signal_process(pid, facts.start_ticks - 1, SIGKILL));
  EXPECT_TRUE(is_alive(pid, facts.start_ticks));
  EXPECT_TRUE(signal_process(pid, facts.start_ticks, SIGTERM));
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  EXPECT_FALSE(is_alive(pid, facts.start_ticks)) << "it has ended and was not waited for";
  EXPECT_EQ(wait_child(pid, true).value().signal, SIGTERM);
  EXPECT_FALSE(process_facts(pid).has_value());
}

}  // namespace
}  // namespace muster::base
