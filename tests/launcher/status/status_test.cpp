#include "launcher/status/status.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <ctime>
#include <fstream>

#include "launcher/records/followed_run.h"
#include "launcher/records/submission.h"
#include "launcher/run/run_folder.h"
#include "launcher/status/logs.h"
#include "launcher/supervise/verdict.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/spec/epoch.h"
#include "tests/launcher/records/run_fixture.h"
#include "tests/support/temporary_folder.h"

namespace muster::status {

using records::FollowedRun;
using records::RunState;
namespace {

namespace fs = std::filesystem;

class FakeQueries : public slurm::Queries {
 public:
  std::optional<slurm::JobFacts> facts;
  bool is_away = false;
  const char* form() const override { return "fake"; }
  void ping() override {}
  std::vector<slurm::PartitionFacts> partitions() override { return {}; }
  std::vector<slurm::NodeFacts> nodes(const std::vector<std::string>&) override { return {}; }
  std::vector<slurm::BlockFacts> blocks() override { return {}; }
  std::optional<slurm::JobFacts> job(const std::string&) override {
    if (is_away) throw Error::cluster({.what = "Slurm's controller does not answer"});
    return facts;
  }
};

class Status : public testing::Test {
 protected:
  Status() {
    const run::Prepared prepared = run::prepare({.verb = "run", .words = {"reverse-digits"}, .run_dir = paths_.folder});
    run::write_run_folder(prepared);
  }
  int code() { return status_of(paths_.folder, queries_).code; }
  std::string page() { return status_of(paths_.folder, queries_).page; }
  void begin_attempt(std::int64_t attempt) {
    base::make_folder(paths_.attempt(attempt));
    base::write_file(paths_.placement(attempt),
                     spec::placement_text({.attempt = attempt,
                                           .attempt_id = "x",
                                           .port = 1234,
                                           .key_file = "/key",
                                           .nodes = {{.slot = 0, .host = "n0", .address = "10.0.0.1"},
                                                     {.slot = 1, .host = "n1", .address = "10.0.0.2"}}}));
    base::write_file(paths_.epoch(),
                     spec::epoch_text({.attempt = attempt, .id = "x", .host = "n0", .boot_id = "b", .pid = 7}));
  }
  // The tiny job on two nodes of one rank each, its first attempt begun.
  void set_up_two_nodes() {
    const std::vector<std::string> two{"placement.ranks_per_node=1", "train.dp=2", "gen.dp=2"};
    fs::remove_all(paths_.folder);
    run::write_run_folder(
        run::prepare({.verb = "run", .words = {"reverse-digits"}, .overrides = two, .run_dir = paths_.folder}));
    begin_attempt(0);
  }
  void write_steps(std::int64_t count) const {
    std::ofstream file(paths_.steps());
    for (std::int64_t step = 1; step <= count; ++step) {
      spec::StepRecord record = tests::sums_step(step);
      record.slowest_rank["train"] = step % 3 == 0 ? 1 : 0;
      file << spec::to_json(record).dump() << "\n";
    }
  }
  bool says(const std::string& words) { return page().find(words) != std::string::npos; }
  tests::TemporaryFolder folder_;
  spec::RunPaths paths_{folder_.path() / "run"};
  FakeQueries queries_;
};

TEST_F(Status, OfARunThatHasNotBegun) { EXPECT_TRUE(says("none has begun")) << page(); }

TEST_F(Status, OfARunOnItsWayAndOver) {
  base::make_folder(paths_.attempt(1));
  base::write_file(paths_.epoch(),
                   spec::epoch_text({.attempt = 1, .id = "x", .host = "elsewhere", .boot_id = "b", .pid = 7}));
  base::write_file(paths_.steps(),
                   "{\"step\": 9, \"attempt\": 0, \"reward\": 0.9}\n{\"step\": 3, \"attempt\": 1, \"reward\": 0.25, "
                   "\"step_s\": 1.5}\n");
  EXPECT_TRUE(says("supervised on elsewhere")) << page();
  EXPECT_TRUE(says("3 of 300, reward 0.250")) << page();
  records::write_verdict(paths_, {.attempt = 1, .code = 4, .sentence = "rank 2 on n1 fell silent"});
  EXPECT_TRUE(says("1, over: rank 2 on n1 fell silent (code 4)")) << page();
  EXPECT_EQ(code(), 4);
}

TEST_F(Status, ForScriptsIsOneObjectWithTheCodeOfTheRun) {
  set_up_two_nodes();
  write_steps(3);
  const auto going_on = status_of(paths_.folder, queries_);
  EXPECT_EQ(going_on.code, 0);
  EXPECT_EQ(going_on.json["state"], "running");
  EXPECT_EQ(going_on.json["steps_done"], 3);
  EXPECT_EQ(going_on.json["steps"], 300);
  EXPECT_EQ(going_on.json["attempt"], 0);
  EXPECT_EQ(going_on.json["resume"], "");
  records::write_verdict(paths_, {.attempt = 0, .code = 2, .sentence = "the disk is full"});
  const auto over = status_of(paths_.folder, queries_);
  EXPECT_EQ(over.code, 2);
  EXPECT_EQ(over.json["code"], 2);
  EXPECT_EQ(over.json["state"], "failed");
  EXPECT_EQ(over.json["sentence"], "the disk is full");
  EXPECT_NE(over.json["resume"].get<std::string>().find("--run-dir"), std::string::npos) << over.json.dump();
}

TEST_F(Status, StepTimeExpectedEndAndSlowestHosts) {
  set_up_two_nodes();
  write_steps(10);
  EXPECT_TRUE(says("state         running\n")) << page();
  EXPECT_TRUE(says("10 of 300, reward 0.688 (first 0.125)")) << page();
  EXPECT_TRUE(says("8.5 s: generate 2.1, train 5.9, refit 0.125\n")) << page();
  EXPECT_TRUE(says(", in 41 min ")) << page();
  EXPECT_TRUE(says("slowest       generate n1 rank 1 (8 of 8), train n0 rank 0 (5 of 8), refit n0 rank 0 (8 of 8)"))
      << page();
  // What Slurm allows is less than what the run needs.
  records::add_submission(paths_.folder, {.job_id = "7", .cluster = "test-slurm", .time = ""});
  queries_.facts =
      slurm::JobFacts{.id = "7", .state = "RUNNING", .start_s = std::time(nullptr) - 600, .time_limit_s = 1200};
  EXPECT_TRUE(says("the job's time limit comes first, in 10 min 0 s: and no checkpoints are written")) << page();
  queries_.facts->time_limit_s = 36000;
  EXPECT_FALSE(says("time limit comes first")) << page();
}

TEST_F(Status, ARunThatIsOverExpectsNothing) {
  set_up_two_nodes();
  write_steps(3);
  records::write_verdict(paths_, {.attempt = 0, .sentence = "all 2 ranks finished"});
  EXPECT_TRUE(says("state         done\n")) << page();
  EXPECT_EQ(code(), 0);
  EXPECT_FALSE(says("expected end")) << page();
  EXPECT_TRUE(says("slowest ")) << page();
}

TEST_F(Status, AFollowedRunSeesStepsAndTheNextAttempt) {
  set_up_two_nodes();
  FollowedRun run(paths_.folder);
  EXPECT_EQ(run.state, RunState::waiting);
  run.read();
  EXPECT_EQ(run.state, RunState::starting);
  EXPECT_TRUE(std::isnan(run.remaining_s()));
  write_steps(4);
  run.read();
  EXPECT_EQ(run.state, RunState::running);
  EXPECT_EQ(run.steps_done(), 4);
  records::write_verdict(paths_, {.attempt = 0, .code = 128 + 15, .sentence = "told to end"});
  run.read();
  EXPECT_EQ(run.state, RunState::ended);
  EXPECT_EQ(run.remaining_s(), 0);
  begin_attempt(1);
  run.read();
  EXPECT_EQ(run.state, RunState::starting) << "its steps are of the attempt before";
  EXPECT_EQ(run.steps_done(), 4) << "what it builds on";
  EXPECT_EQ(run.hosts, (std::vector<std::string>{"n0", "n1"}));
}

TEST_F(Status, ASupervisorThatIsGoneIsSaid) {
  base::write_file(
      paths_.epoch(),
      spec::epoch_text(
          {.attempt = 0, .id = "x", .host = spec::this_host(), .boot_id = spec::this_boot_id(), .pid = 999999999}));
  EXPECT_TRUE(says("left no verdict")) << page();
  for (const std::optional<std::int64_t> rank : {std::optional<std::int64_t>(), std::optional<std::int64_t>(0)}) {
    try {
      print_logs({.words = {paths_.folder.string()}, .follow = true, .rank = rank});
      FAIL() << "no throw";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 3);
      EXPECT_NE(std::string(error.what()).find("attempt 0 is over and left no verdict"), std::string::npos);
    }
  }
}

TEST_F(Status, AMachineThatWasStartedAgainHasLostItsRun) {
  base::write_file(paths_.epoch(),
                   spec::epoch_text({.id = "x", .host = spec::this_host(), .boot_id = "before", .pid = ::getppid()}));
  EXPECT_TRUE(says("state         lost\n")) << page();
  EXPECT_EQ(code(), 3);
}

TEST_F(Status, OfASubmittedRun) {
  records::add_submission(paths_.folder, {.job_id = "7", .cluster = "test-slurm", .time = ""});
  queries_.facts = slurm::JobFacts{.id = "7", .state = "PENDING", .reason = "Resources"};
  EXPECT_TRUE(says("7 PENDING (Resources)")) << page();
  queries_.facts.reset();
  EXPECT_TRUE(says("knows it no more")) << page();
  queries_.is_away = true;
  EXPECT_TRUE(says("does not answer")) << page();
}

}  // namespace
}  // namespace muster::status
