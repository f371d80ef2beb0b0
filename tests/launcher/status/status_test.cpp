#include "launcher/status/status.h"

#include <gtest/gtest.h>

#include "launcher/run/run_folder.h"
#include "launcher/run/submission.h"
#include "launcher/supervise/verdict.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/spec/epoch.h"
#include "tests/support/temporary_folder.h"

namespace muster::status {
namespace {

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
  std::string page() { return status_page(paths_.folder, queries_); }
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
  supervise::write_verdict(paths_, {.attempt = 1, .code = 4, .sentence = "rank 2 on n1 fell silent"});
  EXPECT_TRUE(says("1, over: rank 2 on n1 fell silent (code 4)")) << page();
}

TEST_F(Status, ASupervisorThatIsGoneIsSaid) {
  base::write_file(
      paths_.epoch(),
      spec::epoch_text(
          {.attempt = 0, .id = "x", .host = spec::this_host(), .boot_id = spec::this_boot_id(), .pid = 999999999}));
  EXPECT_TRUE(says("left no verdict")) << page();
}

TEST_F(Status, OfASubmittedRun) {
  run::write_submission(paths_.folder, {.job_id = "7", .cluster = "test-slurm", .time = ""});
  queries_.facts = slurm::JobFacts{.id = "7", .state = "PENDING", .reason = "Resources"};
  EXPECT_TRUE(says("7 PENDING (Resources)")) << page();
  queries_.facts.reset();
  EXPECT_TRUE(says("knows it no more")) << page();
  queries_.is_away = true;
  EXPECT_TRUE(says("does not answer")) << page();
}

}  // namespace
}  // namespace muster::status
