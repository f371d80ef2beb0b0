// The agent as it really runs: muster-runtime node as a process, with ranks that behave as told.
#include "runtime/node/agent.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/spec/epoch.h"
#include "runtime/spec/stacks.h"
#include "tests/support/small_plan.h"
#include "tests/support/temporary_folder.h"

namespace muster::node {
namespace {

class NodeAgent : public testing::Test {
 protected:
  // An attempt 0 of `ranks` ranks on one slot; starts the agent and does not wait.
  void start(const std::vector<std::string>& behaviours, std::int64_t ranks = 2, void (*change)(spec::Plan&) = nullptr,
             bool keeps_ignored = false) {
    spec::Plan plan = tests::small_plan(folder_.path(), 1, ranks, behaviours);
    if (change != nullptr) change(plan);
    base::make_folder(paths_.attempt(0));
    base::write_file(paths_.plan(), spec::plan_text(plan));
    base::write_file(paths_.attempt(0) / "key", "00", 0600);
    base::write_file(paths_.epoch(), spec::epoch_text({.attempt = 0, .id = "me", .host = "here"}));
    const spec::Placement placement{.attempt = 0,
                                    .attempt_id = "me",
                                    .port = 20000,
                                    .key_file = paths_.attempt(0) / "key",
                                    .nodes = {{0, "here", "127.0.0.1"}}};
    base::write_file(paths_.placement(0), spec::placement_text(placement));
    pid_ = base::start_child({.command = {std::string(MUSTER_BINARY_DIR) + "/bin/muster-runtime", "node", "--plan",
                                          paths_.plan(), "--placement", paths_.placement(0), "--slot", "0"},
                              .output = paths_.node_log(0, 0),
                              .keeps_ignored = keeps_ignored});
  }
  // Its exit code (128 + signal when it was killed); nothing of it may be left.
  int finish() {
    const base::ChildEnd end = base::wait_child(pid_, true).value();
    EXPECT_TRUE(tests::processes_with(folder_.path()).empty()) << log();
    return end.signal != 0 ? 128 + end.signal : end.code;
  }
  std::string log() const { return base::read_file(paths_.node_log(0, 0)); }
  std::string rank_log(std::int64_t rank) const { return base::read_file(paths_.rank_log(0, rank)); }
  spec::ExitRecord record(std::int64_t rank) const {
    const std::string path = paths_.rank_exit(0, rank);
    return spec::parse_exit_record(base::read_file(path), path);
  }
  void wait_for_ranks(std::int64_t ranks) const {
    const base::Stopwatch watch;
    for (std::int64_t rank = 0; rank < ranks; ++rank)
      while (watch.elapsed_s() < 10 && (!std::filesystem::exists(paths_.rank_log(0, rank)) ||
                                        rank_log(rank).find("fake rank") == std::string::npos))
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }

  spec::NodeStacks wait_for_stacks(std::int64_t number) const {
    const std::filesystem::path file = paths_.node_stacks(0, 0);
    for (const base::Stopwatch watch; watch.elapsed_s() < 10;
         std::this_thread::sleep_for(std::chrono::milliseconds(20))) {
      if (!std::filesystem::exists(file)) continue;
      const spec::NodeStacks stacks = spec::parse_node_stacks(base::read_file(file), file);
      if (stacks.number >= number) return stacks;
    }
    return {};
  }
  // The names on the stack of a rank's main thread, with blanks between.
  static std::string names(const spec::NodeStacks& stacks, std::size_t rank) {
    std::string all;
    for (const std::size_t frame : stacks.ranks.at(rank).threads.at(0).frames) all += stacks.frames[frame].symbol + " ";
    return all;
  }

  tests::TemporaryFolder folder_;
  spec::RunPaths paths_{folder_.path()};
  pid_t pid_ = 0;
};

TEST_F(NodeAgent, TellsWhereItsRanksStandWhenItIsAsked) {
  start({"run"});
  wait_for_ranks(2);
  for (std::int64_t number = 1; number <= 2; ++number) {
    base::write_file(paths_.stacks_request(0), spec::stacks_request_text(number));
    const spec::NodeStacks stacks = wait_for_stacks(number);
    ASSERT_EQ(stacks.ranks.size(), 2U);
    EXPECT_EQ(stacks.reason, "");
    EXPECT_EQ(stacks.ranks[1].phase, "train");
    EXPECT_EQ(stacks.ranks[1].last_call, "train.dp all_reduce #12 grads");
    EXPECT_NE(names(stacks, 1).find("4live"), std::string::npos) << names(stacks, 1);
  }
  base::signal_child(pid_, SIGTERM, false);
  EXPECT_EQ(finish(), 128 + SIGTERM) << log();
}

TEST_F(NodeAgent, WritesWhereASilentRankStandsBeforeItIsEnded) {
  start({"run", "1:stop"}, 2, [](spec::Plan& plan) { plan.job.watchdog.beat_timeout_s = 1; });
  EXPECT_NE(finish(), 0);
  const spec::NodeStacks stacks = wait_for_stacks(0);
  EXPECT_NE(stacks.reason.find("rank 1 is silent"), std::string::npos) << stacks.reason;
  ASSERT_EQ(stacks.ranks.size(), 2U);
  EXPECT_EQ(stacks.ranks[1].threads.at(0).state, 'T');
  EXPECT_TRUE(stacks.ranks[1].threads.at(0).frames.empty());
  EXPECT_NE(names(stacks, 0).find("4live"), std::string::npos) << "the other one answers";
  EXPECT_NE(record(1).message.find("`muster stacks` shows where it stood"), std::string::npos) << record(1).message;
}

TEST_F(NodeAgent, RanksThatEndWell) {
  start({"env"});
  EXPECT_EQ(finish(), 0) << log();
  for (const std::int64_t rank : {0, 1}) {
    const spec::ExitRecord end = record(rank);
    EXPECT_EQ(end.code, 0);
    EXPECT_EQ(end.host, "here");
    EXPECT_EQ(end.attempt_id, "me");
    EXPECT_EQ(end.phase, "train");
    EXPECT_FALSE(end.ended_by_agent);
    EXPECT_GT(end.peak_memory_bytes, 1 << 20);
    EXPECT_NE(rank_log(rank).find("FROM_PLAN=a,b \"c\""), std::string::npos);
    EXPECT_NE(rank_log(rank).find("MUSTER_REWARD_FDS="), std::string::npos);
  }
}

TEST_F(NodeAgent, ARankThatLeavesWithACodeEndsTheOthers) {
  start({"run", "1:exit3"}, 4);
  EXPECT_EQ(finish(), 3) << log();
  EXPECT_EQ(record(1).code, 3);
  EXPECT_EQ(record(1).message, "it was told to leave with 3");
  EXPECT_FALSE(record(1).ended_by_agent);
  EXPECT_TRUE(record(0).ended_by_agent);
  EXPECT_TRUE(record(2).ended_by_agent);
}

TEST_F(NodeAgent, ASegmentationFaultIsNamedWithPhaseAndLastCollective) {
  start({"run", "0:segv"});
  EXPECT_EQ(finish(), 4) << log();
  EXPECT_EQ(record(0).signal, SIGSEGV);
  EXPECT_EQ(record(0).last_call, "train.dp all_reduce #12 grads");
  EXPECT_TRUE(record(1).ended_by_agent);
}

TEST_F(NodeAgent, AStoppedRankIsSilent) {
  const base::Stopwatch watch;
  start({"run", "1:stop"});
  EXPECT_EQ(finish(), 4) << log();
  EXPECT_TRUE(record(1).silent);
  EXPECT_NE(record(1).message.find("no beat"), std::string::npos);
  EXPECT_TRUE(record(0).ended_by_agent);
  EXPECT_LT(watch.elapsed_s(), 10);
}

TEST_F(NodeAgent, ARankThatBeatsButStandsStillIsSilent) {
  start({"run", "1:hang"}, 2, [](spec::Plan& plan) { plan.job.watchdog.stall_timeout_s = 1; });
  EXPECT_EQ(finish(), 4) << log();
  EXPECT_TRUE(record(1).silent);
  EXPECT_NE(record(1).message.find("no progress"), std::string::npos);
}

TEST_F(NodeAgent, ADeafRankIsKilledAfterAGrace) {
  const base::Stopwatch watch;
  start({"deaf", "1:exit1"});
  EXPECT_EQ(finish(), 4) << log();
  EXPECT_EQ(record(0).signal, SIGKILL);
  EXPECT_TRUE(record(0).ended_by_agent);
  EXPECT_LT(watch.elapsed_s(), 10);
}

TEST_F(NodeAgent, TermEndsAllAndSaysWhoEndedThem) {
  start({"run"});
  wait_for_ranks(2);
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(finish(), 128 + SIGTERM) << log();
  EXPECT_TRUE(record(0).ended_by_agent);
  EXPECT_TRUE(record(1).ended_by_agent);
}

TEST_F(NodeAgent, TheWarningSignalGoesToTheRanks) {
  start({"usr2"});
  wait_for_ranks(2);
  ::kill(pid_, SIGUSR2);
  EXPECT_EQ(finish(), 0) << log();
}

TEST_F(NodeAgent, WhatARankLeftBehindIsEndedToo) {
  start({"family"});
  EXPECT_EQ(finish(), 0) << log();
}

TEST_F(NodeAgent, WhatMadeASessionOfItsOwnIsEndedToo) {
  start({"daemon"});
  EXPECT_EQ(finish(), 0) << log();
  EXPECT_NE(log().find("processes that ranks and their programs left behind"), std::string::npos) << log();
}

TEST_F(NodeAgent, OfARankThatCouldNotBeLoadedTheLastWordsAreQuoted) {
  start({}, 1, [](spec::Plan& plan) {
    plan.job.rank_wrapper = {"sh", "-c", "echo muster-rank: error while loading shared libraries >&2; exit 127"};
  });
  EXPECT_EQ(finish(), 4);
  EXPECT_NE(record(0).message.find("error while loading shared libraries"), std::string::npos) << record(0).message;
}

TEST_F(NodeAgent, ItsOwnLogEndsAtTheLimitToo) {
  start({}, 1, [](spec::Plan& plan) {
    plan.job.log.max_mb = 1;
    plan.job.rank_wrapper = {"sh", "-c",
                             "yes | head -c 3000000 >> /proc/$PPID/fd/2; exec " MUSTER_BINARY_DIR "/bin/fake_rank ok"};
  });
  EXPECT_EQ(finish(), 0) << log().substr(0, 2000);
  const std::string text = log();
  EXPECT_LT(text.size(), 1'000'200u);
  EXPECT_NE(text.find("y\nmuster: this log is cut here, at 1 MB (log.max_mb)"), std::string::npos)
      << text.substr(text.size() - 200);
}

TEST_F(NodeAgent, ARankThatWasKilledFromOutsideSaysItsMemory) {
  start({"run", "1:kill"});
  EXPECT_EQ(finish(), 4) << log();
  EXPECT_EQ(record(1).signal, SIGKILL);
  EXPECT_NE(record(1).message.find("its peak memory was "), std::string::npos) << record(1).message;
  EXPECT_NE(record(1).message.find("memory; "), std::string::npos) << record(1).message;
  EXPECT_EQ(record(0).message, "") << "it was ended by us";
}

TEST_F(NodeAgent, ARunFolderThatIsGoneEndsTheRanks) {
  start({"run"});
  wait_for_ranks(2);
  std::filesystem::rename(paths_.folder, paths_.folder.string() + ".moved");
  const base::ChildEnd end = base::wait_child(pid_, true).value();
  std::filesystem::rename(paths_.folder.string() + ".moved", paths_.folder);
  EXPECT_EQ(end.code, 2) << log();
  EXPECT_NE(log().find("its folder was removed or moved while it ran"), std::string::npos) << log();
  EXPECT_TRUE(tests::processes_with(folder_.path()).empty());
}

TEST_F(NodeAgent, AHangupThatTheStarterIgnoresEndsNothing) {
  ::signal(SIGHUP, SIG_IGN);
  start({"usr2"}, 2, nullptr, true);
  ::signal(SIGHUP, SIG_DFL);
  wait_for_ranks(2);
  ::kill(pid_, SIGHUP);
  ::kill(pid_, SIGUSR2);
  EXPECT_EQ(finish(), 0) << log();
}

TEST_F(NodeAgent, AKilledAgentTakesItsRanksWithIt) {
  start({"run"});
  wait_for_ranks(2);
  ::kill(pid_, SIGKILL);
  base::wait_child(pid_, true);
  const base::Stopwatch watch;
  while (watch.elapsed_s() < 5 && !tests::processes_with(folder_.path()).empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(tests::processes_with(folder_.path()).empty());
}

TEST_F(NodeAgent, AnAttemptThatWasFollowedByAnotherEnds) {
  start({"run"});
  wait_for_ranks(2);
  base::write_file(paths_.epoch(), spec::epoch_text({.attempt = 1, .id = "another", .host = "there"}));
  EXPECT_EQ(finish(), 4) << log();
  EXPECT_NE(log().find("taken over"), std::string::npos);
}

TEST_F(NodeAgent, AMissingProgramIsARecordAndAnError) {
  start({}, 2, [](spec::Plan& plan) { plan.job.rank_wrapper = {"/no/such/wrapper"}; });
  EXPECT_EQ(finish(), 3) << log();
  EXPECT_NE(record(0).message.find("/no/such/wrapper"), std::string::npos);
}

TEST_F(NodeAgent, EightRanksStartAndEndInASecondOrTwo) {
  const base::Stopwatch watch;
  start({"ok"}, 8);
  EXPECT_EQ(finish(), 0) << log();
  EXPECT_LT(watch.elapsed_s(), 5);
}

}  // namespace
}  // namespace muster::node
