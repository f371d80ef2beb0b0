// The worker as its rank sees it: bytes over a socket, whatever the answers do to the child that grades them.
#include "runtime/reward/worker.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/reward/protocol.h"
#include "tests/runtime/reward/worker_process.h"

namespace muster::reward {
namespace {

const WorkerLimits kQuick{.timeout_s = 0.3, .max_memory_gb = 0.2, .allow_test_kinds = true};

class Line {
 public:
  explicit Line(int fd) : fd_(fd) {}
  void send(const std::string& bytes) const {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t count = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      ASSERT_GT(count, 0);
      sent += static_cast<std::size_t>(count);
    }
  }
  void send(std::int64_t id, const std::string& kind, const std::string& answer, const std::string& gold = "") const {
    send(request_line({.id = id, .kind = kind, .answer = answer, .gold = gold}));
  }
  /// The next `count` replies; fewer when the worker closes.
  std::map<std::int64_t, Grade> receive(std::size_t count) {
    std::map<std::int64_t, Grade> replies;
    while (count > 0) {
      const std::size_t end = in_.find('\n');
      if (end != std::string::npos) {
        if (end > 0) {  // an empty line is a beat
          const Reply reply = parse_reply(in_.substr(0, end));
          replies[reply.id] = reply.grade;
          --count;
        }
        in_.erase(0, end + 1);
        continue;
      }
      char block[4096];
      const ssize_t got = ::recv(fd_.get(), block, sizeof(block), 0);
      if (got <= 0) break;
      in_.append(block, static_cast<std::size_t>(got));
    }
    return replies;
  }
  void close() { fd_.reset(); }
  void half_close() const { ::shutdown(fd_.get(), SHUT_WR); }

 private:
  base::Descriptor fd_;
  std::string in_;
};

constexpr Grade kRight{1, Outcome::graded}, kWrong{0, Outcome::graded}, kTimeout{0, Outcome::timeout},
    kFailed{0, Outcome::failed};

TEST(RewardWorker, GradesWhatItIsAsked) {
  WorkerProcess worker(kQuick);
  Line line(worker.fd());
  line.send(1, "math", "so 7", "7");
  line.send(2, "exact", "8", "7");
  const auto replies = line.receive(2);
  EXPECT_EQ(replies.at(1), kRight);
  EXPECT_EQ(replies.at(2), kWrong);
  line.close();
  EXPECT_EQ(worker.wait(), 0);
}

TEST(RewardWorker, AnAnswerPastTheLimitIsATimeoutAndTheOthersAreGraded) {
  WorkerProcess worker(kQuick);
  Line line(worker.fd());
  const base::Stopwatch watch;
  for (std::int64_t id = 0; id < 40; ++id)
    line.send(id, id % 20 == 10 ? "sleep" : "exact", id % 20 == 10 ? "1000" : "a", "a");
  const auto replies = line.receive(40);
  ASSERT_EQ(replies.size(), 40u);
  for (std::int64_t id = 0; id < 40; ++id) EXPECT_EQ(replies.at(id), id % 20 == 10 ? kTimeout : kRight) << id;
  EXPECT_GE(watch.elapsed_s(), 2 * 0.3);
  EXPECT_LT(watch.elapsed_s(), 2 * 0.3 + 2);
}

TEST(RewardWorker, ASlowAnswerWithinTheLimitIsGraded) {
  WorkerProcess worker(kQuick);
  Line line(worker.fd());
  for (std::int64_t id = 0; id < 5; ++id)
    line.send(id, "sleep", "0.1");  // half a second together: the limit is for each
  for (const auto& [id, grade] : line.receive(5)) EXPECT_EQ(grade, kRight) << id;
}

TEST(RewardWorker, AnAnswerThatKillsItsGraderIsFailed) {
  WorkerProcess worker(kQuick);
  Line line(worker.fd());
  for (std::int64_t id = 0; id < 30; ++id) line.send(id, id % 3 == 1 ? "abort" : "exact", "a", "a");
  const auto replies = line.receive(30);
  ASSERT_EQ(replies.size(), 30u);
  for (std::int64_t id = 0; id < 30; ++id) EXPECT_EQ(replies.at(id), id % 3 == 1 ? kFailed : kRight) << id;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(RewardWorker, AnAnswerThatTakesTooMuchMemoryIsFailed) {
  WorkerProcess worker(kQuick);
  Line line(worker.fd());
  line.send(1, "allocate", "4e9");
  line.send(2, "allocate", "1e7");
  const auto replies = line.receive(2);
  EXPECT_EQ(replies.at(1), kFailed);
  EXPECT_EQ(replies.at(2), (Grade{1e7, Outcome::graded}));
}
#endif

TEST(RewardWorker, BrokenLinesAndUnknownKindsAreFailedAndNothingElse) {
  WorkerProcess worker(kQuick);
  Line line(worker.fd());
  line.send("nonsense\n\n{\"id\":3}\n");
  EXPECT_EQ(line.receive(3), (std::map<std::int64_t, Grade>{{-1, kFailed}}));
  line.send(4, "vibes", "a", "a");
  line.send(5, "exact", "a", "a");
  EXPECT_EQ(line.receive(2), (std::map<std::int64_t, Grade>{{4, kFailed}, {5, kRight}}));
}

TEST(RewardWorker, TestKindsNeedLeave) {
  WorkerProcess worker({.timeout_s = 0.3});
  Line line(worker.fd());
  line.send(1, "abort", "");
  EXPECT_EQ(line.receive(1).at(1), kFailed);
}

TEST(RewardWorker, AGraderThatUsedItsSecondsIsReplacedBetweenAnswers) {
  WorkerProcess worker({.timeout_s = 5, .cpu_s = 1e-3});
  Line line(worker.fd());
  for (std::int64_t round = 0; round < 20; ++round) {
    for (std::int64_t id = 0; id < 200; ++id) line.send(id, "math", "1/3 + 1/4 = 7/12", "7/12");
    const auto replies = line.receive(200);
    ASSERT_EQ(replies.size(), 200u);
    for (const auto& [id, grade] : replies) ASSERT_EQ(grade, kRight) << id;
  }
}

TEST(RewardWorker, AnswersOfMegabytesGoThrough) {
  WorkerProcess worker({.timeout_s = 5});
  Line line(worker.fd());
  line.send(1, "math", std::string(8 << 20, 'x') + " 7", "7");
  EXPECT_EQ(line.receive(1).at(1), kRight);
}

TEST(RewardWorker, EndsWhenItsRankIsGoneEvenInTheMiddleOfAnAnswer) {
  WorkerProcess worker({.timeout_s = 100, .allow_test_kinds = true});
  Line line(worker.fd());
  line.send(1, "sleep", "100");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const base::Stopwatch watch;
  line.close();
  EXPECT_EQ(worker.wait(), 0);
  EXPECT_LT(watch.elapsed_s(), 3);
}

TEST(RewardWorker, FinishesWhatItHasWhenItsInputEnds) {
  WorkerProcess worker(kQuick);
  Line line(worker.fd());
  for (std::int64_t id = 0; id < 100; ++id) line.send(id, "exact", "a", "a");
  line.half_close();
  EXPECT_EQ(line.receive(100).size(), 100u);
  EXPECT_EQ(worker.wait(), 0);
}

// The child dies with its supervisor: no process stays behind.
TEST(RewardWorker, AKilledSupervisorLeavesNoChild) {
  WorkerProcess worker({.timeout_s = 100, .allow_test_kinds = true});
  Line line(worker.fd());
  line.send(1, "sleep", "100");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  std::ifstream children("/proc/" + std::to_string(worker.pid()) + "/task/" + std::to_string(worker.pid()) +
                         "/children");
  pid_t child = 0;
  ASSERT_TRUE(children >> child);
  ::kill(worker.pid(), SIGKILL);
  EXPECT_EQ(worker.wait(), 128 + SIGKILL);
  const auto is_alive = [&] {
    std::string text;
    std::getline(std::ifstream("/proc/" + std::to_string(child) + "/stat"), text);
    return !text.empty() && text.find(") Z") == std::string::npos;
  };
  const base::Stopwatch watch;
  while (is_alive() && watch.elapsed_s() < 3) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(is_alive());
}

TEST(RewardMain, ReadsTheArgumentsThatItIsGiven) {
  WorkerProcess worker(kQuick);  // only for a socket
  EXPECT_EQ(reward_arguments(9, {.timeout_s = 2.5,
                                 .start_timeout_s = 7,
                                 .max_memory_gb = 0.5,
                                 .log_mb = 3,
                                 .cpu_s = 60,
                                 .rank = 4,
                                 .allow_test_kinds = true}),
            (std::vector<std::string>{"reward", "--fd", "9", "--timeout-s", "2.5", "--start-timeout-s", "7",
                                      "--max-memory-gb", "0.5", "--log-mb", "3", "--cpu-s", "60", "--rank", "4",
                                      "--allow-test-kinds"}));
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"reward"},
                                             {"--fd"},
                                             {"--fd", "x"},
                                             {"--fd", "0"},
                                             {"--fd", "9999"},
                                             {"--what", "3"},
                                             {"--fd", "3", "--timeout-s", "0"},
                                             {"--fd", "3", "--timeout-s", "nan"}})
    EXPECT_THROW(reward_main(arguments), Error);
  Line(worker.fd()).close();
}

}  // namespace
}  // namespace muster::reward
