// Programs are small shell scripts here: what they read and write is the whole of the protocol.
#include "runtime/reward/program.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/reward/client.h"
#include "tests/runtime/reward/worker_process.h"

namespace muster::reward {
namespace {

// Rewards 1 when the gold answer is "yes"; sed keeps one line a line.
const std::vector<std::string> kYes = {
    "/bin/sh", "-c",
    R"(while read -r line; do id=${line#*\"id\":}; id=${id%%,*}; case $line in *'"gold":"yes"'*) r=1;; *) r=0;; esac; printf '{"id":%s,"reward":%s}\n' "$id" "$r"; done)"};

Request asked(std::int64_t id, const std::string& gold) {
  return {.id = id, .kind = "command", .answer = "a", .gold = gold};
}
std::vector<std::string> shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

TEST(Program, AnswersInTheOrderOfTheQuestions) {
  Program program(kYes);
  for (std::int64_t id = 0; id < 64; ++id) program.ask(asked(id, id % 2 == 0 ? "yes" : "no"));
  for (std::int64_t id = 0; id < 64; ++id) {
    const Reply reply = program.next();
    EXPECT_EQ(reply.id, id);
    EXPECT_EQ(reply.grade, (Grade{id % 2 == 0 ? 1.0 : 0.0, Outcome::graded}));
  }
  EXPECT_EQ(program.open(), 0U);
}

TEST(Program, MayAnswerInAnyOrderAndReadsTheWholeRequest) {
  Program program(shell(
      R"(read -r a; read -r b; printf '{"id":2,"reward":0.5}\n{"id":1,"reward":true}\n'; echo "$a" >&2; cat > /dev/null)"));
  Request first = asked(1, "g");
  first.prompt = "p";
  first.row = R"({"x":[1,2]})";
  program.ask(first);
  program.ask(asked(2, "g"));
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(program.next().grade, (Grade{1, Outcome::graded}));
  EXPECT_EQ(program.next().grade, (Grade{0.5, Outcome::graded}));
  ::testing::internal::GetCapturedStderr();
}

TEST(Program, ReadsTheFinalAnswerToo) {
  Program program(shell(
      R"~(while read -r line; do id=${line#*\"id\":}; id=${id%%,*}; case $line in *'"answer":"<think>7</think>8"'*'"final_answer":"8"'*) r=1;; *'"answer":"<think>7"'*'"final_answer":null'*) r=0.5;; *) r=0;; esac; printf '{"id":%s,"reward":%s}\n' "$id" "$r"; done)~"));
  Request first = asked(1, "g"), second = asked(2, "g");
  first.answer = "<think>7</think>8";
  second.answer = "<think>7";
  program.ask(first);
  program.ask(second);
  EXPECT_EQ(program.next().grade.reward, 1);
  EXPECT_EQ(program.next().grade.reward, 0.5);
}

TEST(Program, OneThatEndsIsStartedAgainAndOnlyTheFirstAnswerFails) {
  // Ends after one answer.
  Program program(
      shell(R"(read -r line; id=${line#*\"id\":}; id=${id%%,*}; printf '{"id":%s,"reward":1}\n' "$id"; read -r line)"));
  for (std::int64_t id = 1; id <= 4; ++id) program.ask(asked(id, "g"));
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 4; ++i) outcomes.push_back(program.next().grade.outcome);
  EXPECT_EQ(outcomes, (std::vector<Outcome>{Outcome::graded, Outcome::failed, Outcome::graded, Outcome::failed}));
}

TEST(Program, NonsenseIsFailedNotZero) {
  for (const char* said : {"nonsense", R"({"id":1})", R"({"id":1,"reward":"1"})", R"({"id":9,"reward":1})",
                           R"({"id":1,"reward":null})", "[]"}) {
    Program program(shell(std::string("read -r line; echo '") + said + "'; cat > /dev/null"));
    program.ask(asked(1, "g"));
    EXPECT_EQ(program.next().grade, (Grade{0, Outcome::failed})) << said;
  }
  Program missing({"/no/such/program"});
  missing.ask(asked(1, "g"));
  EXPECT_EQ(missing.next().grade.outcome, Outcome::failed);
}

TEST(Program, InAWorkerItHasATimeLimit) {
  WorkerProcess worker({.timeout_s = 0.5});
  RewardClient client({worker.fd()}, {.timeout_s = 0.5});
  // Sleeps on "slow", answers everything else at once.
  const GradeSettings settings{
      .command = shell(
          R"(while read -r line; do id=${line#*\"id\":}; id=${id%%,*}; case $line in *slow*) sleep 100;; esac; printf '{"id":%s,"reward":1}\n' "$id"; done)")};
  std::vector<std::int64_t> ids;
  for (std::int64_t id = 0; id < 200; ++id) {
    client.submit({.id = id, .kind = "command", .answer = id == 70 ? "slow" : "a", .gold = "g", .settings = settings});
    ids.push_back(id);
  }
  const base::Stopwatch watch;
  const Collected collected = client.collect(ids);
  for (std::int64_t id = 0; id < 200; ++id)
    EXPECT_EQ(collected.grades[static_cast<std::size_t>(id)].outcome, id == 70 ? Outcome::timeout : Outcome::graded)
        << id;
  EXPECT_LT(watch.elapsed_s(), 10);
}

}  // namespace
}  // namespace muster::reward
