#include "runtime/reward/client.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "tests/runtime/reward/worker_process.h"

namespace muster::reward {
namespace {

const WorkerLimits kQuick{.timeout_s = 0.3, .allow_test_kinds = true};

std::vector<std::int64_t> ids_to(std::int64_t count) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

TEST(RewardClient, HandsBackGradesInTheOrderAskedFor) {
  WorkerProcess first(kQuick), second(kQuick);
  RewardClient client({first.fd(), second.fd()}, {});
  for (std::int64_t id = 0; id < 100; ++id)
    client.submit(
        {.id = id, .kind = "math", .answer = "it is " + std::to_string(id), .gold = std::to_string(id / 2 * 2)});
  std::vector<std::int64_t> ids = ids_to(100);
  std::reverse(ids.begin(), ids.end());
  const Collected collected = client.collect(ids);
  ASSERT_EQ(collected.grades.size(), 100u);
  for (std::size_t i = 0; i < ids.size(); ++i)
    EXPECT_EQ(collected.grades[i], (Grade{ids[i] % 2 == 0 ? 1.0 : 0.0, Outcome::graded})) << ids[i];
  client.submit({.id = 5, .kind = "exact", .answer = "a", .gold = "a"});
  EXPECT_EQ(client.collect(std::vector<std::int64_t>{5}).grades[0].reward, 1) << "an id is free again once collected";
}

TEST(RewardClient, SettingsReachTheGrader) {
  WorkerProcess worker(kQuick);
  RewardClient client({worker.fd()}, {});
  client.submit({.id = 1, .kind = "exact", .answer = "YES", .gold = "yes", .settings = {.ignore_case = true}});
  EXPECT_EQ(client.collect(std::vector<std::int64_t>{1}).grades[0].reward, 1);
}

TEST(RewardClient, ATimeoutIsAnOutcomeOfItsOwn) {
  WorkerProcess worker(kQuick);
  RewardClient client({worker.fd()}, {});
  client.submit({.id = 0, .kind = "sleep", .answer = "100", .gold = ""});
  client.submit({.id = 1, .kind = "exact", .answer = "a", .gold = "a"});
  const Collected collected = client.collect(ids_to(2));
  EXPECT_EQ(collected.grades[0], (Grade{0, Outcome::timeout}));
  EXPECT_EQ(collected.grades[1], (Grade{1, Outcome::graded}));
  EXPECT_GE(collected.waited_s, 0.25);
  EXPECT_EQ(client.lost_workers(), 0);
}

TEST(RewardClient, TimeThatIsHiddenIsNotWaited) {
  WorkerProcess worker(kQuick);
  RewardClient client({worker.fd()}, {});
  client.submit({.id = 0, .kind = "sleep", .answer = "0.1", .gold = ""});
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_LT(client.collect(ids_to(1)).waited_s, 0.05);
}

TEST(RewardClient, AWorkerThatVanishesLeavesItsAnswersFailedAndTheOtherGoesOn) {
  WorkerProcess first({.timeout_s = 100, .allow_test_kinds = true}), second(kQuick);
  RewardClient client({first.fd(), second.fd()}, {});
  client.submit({.id = 0, .kind = "sleep", .answer = "100", .gold = ""});
  client.submit({.id = 1, .kind = "exact", .answer = "a", .gold = "a"});
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ::kill(first.pid(), SIGKILL);
  const Collected collected = client.collect(ids_to(2));
  EXPECT_EQ(collected.grades[0], (Grade{0, Outcome::failed}));
  EXPECT_EQ(collected.grades[1], (Grade{1, Outcome::graded}));
  EXPECT_EQ(client.lost_workers(), 1);
  client.submit({.id = 2, .kind = "exact", .answer = "a", .gold = "a"});
  EXPECT_EQ(client.collect(std::vector<std::int64_t>{2}).grades[0].reward, 1);
}

TEST(RewardClient, WithoutAWorkerLeftCollectThrows) {
  WorkerProcess worker({.timeout_s = 100, .allow_test_kinds = true});
  RewardClient client({worker.fd()}, {});
  client.submit({.id = 0, .kind = "sleep", .answer = "100", .gold = ""});
  ::kill(worker.pid(), SIGKILL);
  try {
    client.collect(ids_to(1));
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 4);
    EXPECT_NE(std::string(error.what()).find("1 of the 1 reward workers"), std::string::npos) << error.what();
  }
}

// A beat a second: an answer may take longer than a worker may be silent.
TEST(RewardClient, AWorkerThatIsSlowIsNotGivenUp) {
  WorkerProcess worker({.timeout_s = 100, .allow_test_kinds = true});
  RewardClient client({worker.fd()}, {.silent_s = 2.5});
  client.submit({.id = 0, .kind = "sleep", .answer = "4", .gold = ""});
  EXPECT_EQ(client.collect(ids_to(1)).grades[0].outcome, Outcome::graded);
  EXPECT_EQ(client.lost_workers(), 0);
}

TEST(RewardClient, TheMessageTellsSilentWorkersFromDeadOnes) {
  WorkerProcess worker(kQuick);
  ::kill(worker.pid(), SIGSTOP);
  RewardClient client({worker.fd()}, {.silent_s = 0.5});
  client.submit({.id = 0, .kind = "exact", .answer = "a", .gold = "a"});
  try {
    client.collect(ids_to(1));
    FAIL() << "no throw";
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("1 was silent for"), std::string::npos) << what;
    EXPECT_EQ(what.find("memory"), std::string::npos) << what;
  }
}

TEST(RewardClient, AWorkerThatIsStoppedIsGivenUp) {
  WorkerProcess first({.timeout_s = 0.2, .allow_test_kinds = true}), second(kQuick);
  ::kill(first.pid(), SIGSTOP);
  RewardClient client({first.fd(), second.fd()}, {.silent_s = 0.5});
  client.submit({.id = 0, .kind = "exact", .answer = "a", .gold = "a"});
  client.submit({.id = 1, .kind = "exact", .answer = "a", .gold = "a"});
  const base::Stopwatch watch;
  const Collected collected = client.collect(ids_to(2));
  EXPECT_EQ(collected.grades[0].outcome, Outcome::failed);
  EXPECT_EQ(collected.grades[1].outcome, Outcome::graded);
  EXPECT_LT(watch.elapsed_s(), 5);
}

TEST(RewardClient, NeedsAWorker) { EXPECT_THROW(RewardClient({}, {}), Error); }

TEST(RewardClient, AnIdInUseIsOurOwnDefect) {
  WorkerProcess worker(kQuick);
  RewardClient client({worker.fd()}, {});
  client.submit({.id = 1, .kind = "exact", .answer = "a", .gold = "a"});
  EXPECT_THROW(client.submit({.id = 1, .kind = "exact", .answer = "a", .gold = "a"}), Error);
  EXPECT_THROW(client.collect(std::vector<std::int64_t>{2}), Error);
}

// Far more than the sockets hold, handed over before anything is collected: nothing blocks, nothing is lost.
TEST(RewardClient, AHundredThousandAnswersGoThroughWithoutADeadlock) {
  WorkerProcess worker({.timeout_s = 5});
  RewardClient client({worker.fd()}, {});
#ifdef __SANITIZE_THREAD__
  constexpr std::int64_t kCount = 10'000;  // it is fifty times slower there
#else
  constexpr std::int64_t kCount = 100'000;
#endif
  for (std::int64_t id = 0; id < kCount; ++id)
    client.submit({.id = id,
                   .kind = "math",
                   .answer = "3 + " + std::to_string(id) + " = " + std::to_string(id + 3) + ".",
                   .gold = std::to_string(id + 3 + (id % 4 == 0))});
  const Collected collected = client.collect(ids_to(kCount));
  double sum = 0;
  for (const Grade& grade : collected.grades) sum += grade.reward;
  EXPECT_EQ(sum, kCount * 0.75);
}

}  // namespace
}  // namespace muster::reward
