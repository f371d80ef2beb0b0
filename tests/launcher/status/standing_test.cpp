#include "launcher/status/standing.h"

#include <gtest/gtest.h>

#include <ctime>

#include "launcher/run/run_folder.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::status {

using records::FollowedRun;
namespace {

namespace fs = std::filesystem;

class StandingOf : public testing::Test {
 protected:
  StandingOf() {
    run::write_run_folder(run::prepare({.verb = "run",
                                        .words = {"reverse-digits"},
                                        .overrides = {"requeue.max=2", "checkpoint.every=2"},
                                        .run_dir = paths_.folder}));
    records::add_submission(paths_.folder, {.job_id = "7", .cluster = "test-slurm", .time = ""});
  }
  // The newest attempt, begun and perhaps ended `ago_s` seconds ago.
  void attempt(std::int64_t number, std::optional<int> code, int ago_s) {
    base::make_folder(paths_.attempt(number));
    base::write_file(paths_.placement(number),
                     spec::placement_text({.attempt = number,
                                           .attempt_id = "x",
                                           .port = 1234,
                                           .key_file = "/key",
                                           .nodes = {{.slot = 0, .host = "n0", .address = "10.0.0.1"}}}));
    base::write_file(paths_.epoch(),
                     spec::epoch_text({.attempt = number, .id = "x", .host = "n0", .boot_id = "b", .pid = 7}));
    const auto then = fs::file_time_type::clock::now() - std::chrono::seconds(ago_s);
    fs::last_write_time(paths_.placement(number), then);
    if (!code) return;
    records::write_verdict(paths_, {.attempt = number, .code = *code, .sentence = "it ended"});
    fs::last_write_time(paths_.verdict(number), then);
  }
  std::string words(const std::optional<slurm::JobFacts>& job) {
    FollowedRun run(paths_.folder);
    run.read();
    return standing_text(standing_of(run, job));
  }
  int code(const std::optional<slurm::JobFacts>& job) {
    FollowedRun run(paths_.folder);
    run.read();
    return exit_code_of(run, standing_of(run, job));
  }
  std::string resume(const std::optional<slurm::JobFacts>& job) {
    FollowedRun run(paths_.folder);
    run.read();
    return resume_text(run, standing_of(run, job));
  }
  static slurm::JobFacts job(const std::string& state, int started_ago_s, std::int64_t restarts = 0) {
    return {.id = "7", .state = state, .start_s = std::time(nullptr) - started_ago_s, .restarts = restarts};
  }
  tests::TemporaryFolder folder_;
  spec::RunPaths paths_{folder_.path() / "run"};
};

TEST_F(StandingOf, AJobThatEndedBeforeAnAttemptBegan) {
  EXPECT_EQ(words(job("PENDING", 0)), "waiting");
  EXPECT_EQ(words(job("RUNNING", 1)), "starting");
  EXPECT_EQ(words(job("CANCELLED", 0)), "ended (cancelled before it began)");
  EXPECT_EQ(resume(job("CANCELLED", 0)), "muster submit --run-dir " + paths_.folder.string());
  EXPECT_EQ(words(job("FAILED", 0)), "failed (its job is FAILED, before it began)");
  EXPECT_EQ(words(std::nullopt), "lost (its job is over, and no attempt began)");
  base::write_file(paths_.not_begun(), "no such node");
  EXPECT_EQ(words(job("FAILED", 0)), "failed");
}

TEST_F(StandingOf, TheExitCodeIsTheRunsAndZeroWhileItGoesOn) {
  EXPECT_EQ(code(job("PENDING", 0)), 0);
  EXPECT_EQ(code(job("FAILED", 0)), 2);
  EXPECT_EQ(code(job("CANCELLED", 0)), 128 + 15);
  EXPECT_EQ(code(std::nullopt), 3) << "lost";
  attempt(0, 4, 100);
  EXPECT_EQ(code(job("FAILED", 110)), 4);
  EXPECT_EQ(code(job("PENDING", -4, 1)), 0) << "it is queued again";
  EXPECT_EQ(code(job("CANCELLED", 10, 1)), 128 + 15) << "the verdict is of the attempt before";
}

TEST_F(StandingOf, AJobThatIsQueuedAgainWaitsThoughItsLastAttemptFailed) {
  attempt(0, 4, 100);
  EXPECT_EQ(words(job("PENDING", -4, 1)), "waiting (attempt 2 of 3)");
  EXPECT_EQ(resume(job("PENDING", -4, 1)), "");
  EXPECT_EQ(words(job("RUNNING", 10, 1)), "starting") << "the verdict is of the start before";
  EXPECT_EQ(words(job("CANCELLED", 10, 1)), "ended (cancelled before its next attempt began)");
  EXPECT_EQ(words(job("FAILED", 110)), "failed");
  EXPECT_EQ(resume(job("FAILED", 110)), "muster submit --run-dir " + paths_.folder.string() +
                                            "   (it begins again at step 1: there is no checkpoint yet)");
}

TEST_F(StandingOf, AnAttemptWithoutAVerdictIsJudgedByItsJob) {
  attempt(0, std::nullopt, 100);
  EXPECT_EQ(words(job("RUNNING", 110)), "starting") << "it has no step yet";
  EXPECT_EQ(words(job("CANCELLED", 110)), "ended (cancelled)");
  EXPECT_EQ(words(job("TIMEOUT", 110)), "ended (at its time limit)");
  EXPECT_EQ(words(job("NODE_FAIL", 110)), "lost (its job is NODE_FAIL and left no verdict)");
  EXPECT_EQ(words(std::nullopt), "lost (its job is over and left no verdict)");
  attempt(0, 0, 50);
  EXPECT_EQ(words(job("COMPLETED", 110)), "done");
  EXPECT_EQ(words(std::nullopt), "done");
  EXPECT_EQ(resume(std::nullopt), "");
}

}  // namespace
}  // namespace muster::status
