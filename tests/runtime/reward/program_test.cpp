// Programs are small shell scripts here: what they read and write is the whole of the protocol. Python programs that do
// everything wrong are in bad_programs_test.cpp.
#include "runtime/reward/program.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <map>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/reward/client.h"
#include "tests/runtime/reward/worker_process.h"
#include "tests/support/temporary_folder.h"

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

/// What the program makes of `count` answers, by their ids; waits as a worker does.
std::map<std::int64_t, Reply> replies_of(Program& program, std::size_t count) {
  std::map<std::int64_t, Reply> by_id;
  while (by_id.size() < count) {
    std::vector<Reply> replies;
    program.advance(replies);
    for (const Reply& reply : replies) EXPECT_TRUE(by_id.emplace(reply.id, reply).second) << "twice: " << reply.id;
    std::vector<pollfd> polled;
    program.add_to(polled);
    ::poll(polled.data(), polled.size(), static_cast<int>(std::min(1.0, program.wait_s()) * 1e3));
  }
  return by_id;
}

TEST(Program, AnswersWhatItIsAsked) {
  Program program(kYes, {});
  for (std::int64_t id = 0; id < 200; ++id) program.ask(asked(id, id % 2 == 0 ? "yes" : "no"));
  for (const auto& [id, reply] : replies_of(program, 200))
    EXPECT_EQ(reply.grade, (Grade{id % 2 == 0 ? 1.0 : 0.0, Outcome::graded}));
  EXPECT_EQ(program.open(), 0U);
  EXPECT_EQ(program.open_bytes(), 0U);
}

// Which the second answer needs: the first reply may not wait for it.
TEST(Program, ItsRepliesAreThereWhenItHasWrittenThem) {
  const tests::TemporaryFolder folder;
  const std::string gate = (folder.path() / "gate").string();
  WorkerProcess worker({.timeout_s = 60});
  RewardClient client({worker.fd()}, {});
  const GradeSettings settings{.command =
                                   shell("read -r a; echo '{\"id\":1,\"reward\":1}'; read -r b; until [ -e " + gate +
                                         " ]; do sleep 0.02; done; echo '{\"id\":2,\"reward\":1}'; cat > /dev/null")};
  const std::int64_t first = 1, second = 2;
  for (const std::int64_t id : {first, second})
    client.submit({.id = id, .kind = "command", .answer = "a", .gold = "g", .settings = settings});
  EXPECT_EQ(client.collect({&first, 1}).grades[0], (Grade{1, Outcome::graded}));
  base::write_file(gate, "");
  EXPECT_EQ(client.collect({&second, 1}).grades[0], (Grade{1, Outcome::graded}));
}

TEST(Program, MayAnswerInAnyOrderAndReadsTheWholeRequest) {
  Program program(
      shell(
          R"(read -r a; read -r b; printf '{"id":2,"reward":0.5}\n{"id":1,"reward":true}\n'; echo "$a" >&2; cat > /dev/null)"),
      {});
  Request first = asked(1, "g");
  first.prompt = "p";
  first.row = R"({"x":[1,2]})";
  program.ask(first);
  program.ask(asked(2, "g"));
  const auto replies = replies_of(program, 2);
  EXPECT_EQ(replies.at(1).grade, (Grade{1, Outcome::graded}));
  EXPECT_EQ(replies.at(2).grade, (Grade{0.5, Outcome::graded}));
}

TEST(Program, ReadsTheFinalAnswerToo) {
  Program program(
      shell(
          R"~(while read -r line; do id=${line#*\"id\":}; id=${id%%,*}; case $line in *'"answer":"<think>7</think>8"'*'"final_answer":"8"'*) r=1;; *'"answer":"<think>7"'*'"final_answer":null'*) r=0.5;; *) r=0;; esac; printf '{"id":%s,"reward":%s}\n' "$id" "$r"; done)~"),
      {});
  Request first = asked(1, "g"), second = asked(2, "g");
  first.answer = "<think>7</think>8";
  second.answer = "<think>7";
  program.ask(first);
  program.ask(second);
  const auto replies = replies_of(program, 2);
  EXPECT_EQ(replies.at(1).grade.reward, 1);
  EXPECT_EQ(replies.at(2).grade.reward, 0.5);
}

TEST(Program, OneThatEndsAfterEachAnswerLosesNone) {
  Program program(
      shell(R"(read -r line; id=${line#*\"id\":}; id=${id%%,*}; printf '{"id":%s,"reward":1}\n' "$id"; read -r line)"),
      {});
  for (std::int64_t id = 1; id <= 4; ++id) program.ask(asked(id, "g"));
  for (const auto& [id, reply] : replies_of(program, 4)) EXPECT_EQ(reply.grade.outcome, Outcome::graded) << id;
}

TEST(Program, AReplyThatIsNoVerdictFailsItsAnswerAndSaysWhy) {
  for (const char* said : {R"({"id":1})", R"({"id":1,"reward":"1"})", R"({"id":1,"reward":null})"}) {
    Program program(shell(std::string("read -r line; echo '") + said + "'; cat > /dev/null"), {});
    program.ask(asked(1, "g"));
    const Reply reply = replies_of(program, 1).at(1);
    EXPECT_EQ(reply.grade, (Grade{0, Outcome::failed})) << said;
    EXPECT_NE(reply.note.find(said), std::string::npos) << reply.note;
  }
}

TEST(Program, ANoteNamesTheUsersOwnRow) {
  Program program(shell(R"(read -r line; echo '{"id":1,"score":1}'; cat > /dev/null)"), {});
  Request request = asked(1, "g");
  request.row = R"({"id": "q17", "level": 3})";
  program.ask(request);
  EXPECT_EQ(
      replies_of(program, 1).at(1).note,
      "sh wrote {\"id\":1,\"score\":1}: no \"reward\"; want {\"id\": 1, \"reward\": number}; did you mean \"reward\" "
      "where it says \"score\"? (row \"q17\")");
}

TEST(Program, ALineThatBelongsToNoAnswerFailsNone) {
  for (const char* said : {"nonsense", R"({"id":9,"reward":1})", "[]", R"({"reward":1})"}) {
    Program program(
        shell(std::string("read -r line; echo '") + said + R"('; echo '{"id":1,"reward":0.5}'; cat > /dev/null)"), {});
    program.ask(asked(1, "g"));
    EXPECT_EQ(replies_of(program, 1).at(1).grade, (Grade{0.5, Outcome::graded})) << said;
  }
}

TEST(Program, OneThatIsNotThereIsNamed) {
  Program missing({"/no/such/program"}, {});
  missing.ask(asked(1, "g"));
  const Reply reply = replies_of(missing, 1).at(1);
  EXPECT_EQ(reply.grade.outcome, Outcome::failed);
  EXPECT_EQ(reply.note, "program could not be started: cannot start: No such file or directory");
}

TEST(Program, OneThatNeverAnswersIsAskedWhetherItFlushes) {
  Program program(shell("while read -r line; do :; done"), {.timeout_s = 0.2, .start_timeout_s = 0.3});
  for (std::int64_t id = 1; id <= 3; ++id) program.ask(asked(id, "g"));
  for (const auto& [id, reply] : replies_of(program, 3)) {
    EXPECT_EQ(reply.grade.outcome, Outcome::timeout) << id;
    EXPECT_NE(reply.note.find(" and written none in "), std::string::npos) << reply.note;
    EXPECT_NE(reply.note.find(": does it flush its output?"), std::string::npos) << reply.note;
  }
}

TEST(Program, ItsFirstFaultsAreWarningsOfItsRank) {
  ::testing::internal::CaptureStderr();
  {
    Program program(shell("exit 1"), {.rank = 3});
    for (std::int64_t id = 1; id <= 20; ++id) program.ask(asked(id, "g"));
    replies_of(program, 20);
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  std::size_t count = 0;
  for (std::size_t at = 0; (at = log.find(" warning rank 3 reward: sh ended with code 1", at)) != std::string::npos;
       ++at)
    ++count;
  EXPECT_EQ(count, 5U) << log;
}

TEST(Program, AScriptIsCalledByItsFile) {
  const tests::TemporaryFolder folder;
  const std::string script = (folder.path() / "grade.py").string();
  base::write_file(script, "");
  EXPECT_EQ(program_name({"python3", "-u", script, "--strict"}), "grade.py");
  EXPECT_EQ(program_name({"/usr/local/bin/judge", "--strict"}), "judge");
  EXPECT_EQ(program_name(shell("exit 1")), "sh");
}

TEST(Program, WhatItPrintsBesidesIsCutAtItsLimit) {
  ::testing::internal::CaptureStderr();
  {
    Program program(
        shell(
            R"(read -r line; head -c 3000000 /dev/zero | tr '\0' x >&2; echo '{"id":1,"reward":1}'; cat > /dev/null)"),
        {.log_bytes = 1'000'000});
    program.ask(asked(1, "g"));
    EXPECT_EQ(replies_of(program, 1).at(1).grade.outcome, Outcome::graded);
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_LT(log.size(), 1'000'200U);
  EXPECT_NE(log.find("sh has written 1 MB besides its verdicts; what follows is dropped (log.max_mb)\n"),
            std::string::npos);
}

TEST(Program, InAWorkerItHasATimeLimit) {
  WorkerProcess worker({.timeout_s = 0.5});
  RewardClient client({worker.fd()}, {});
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
    EXPECT_EQ(collected.grades[id].outcome, id == 70 ? Outcome::timeout : Outcome::graded) << id;
  EXPECT_LT(watch.elapsed_s(), 10);
}

}  // namespace
}  // namespace muster::reward
