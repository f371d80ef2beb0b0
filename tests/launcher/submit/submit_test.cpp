#include "launcher/submit/submit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "launcher/records/submission.h"
#include "launcher/records/verdict.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/spec/epoch.h"
#include "tests/support/temporary_folder.h"

namespace muster::submit {
namespace {

namespace fs = std::filesystem;

class FakeQueries : public slurm::Queries {
 public:
  std::vector<slurm::PartitionFacts> list{
      {.name = "batch", .is_default = true, .total_nodes = 4, .nodes = "node[0-3]"},
      {.name = "short", .max_time_s = 300, .max_nodes = 2, .total_nodes = 4, .nodes = "node[0-3]"}};
  bool is_away = false;
  const char* form() const override { return "fake"; }
  void ping() override {
    if (is_away) throw Error::cluster({.what = "Slurm's controller does not answer"});
  }
  std::vector<slurm::PartitionFacts> partitions() override { return list; }
  std::vector<std::string> away;  // names of nodes that are down
  std::vector<slurm::BlockFacts> racks;
  std::vector<slurm::NodeFacts> nodes(const std::vector<std::string>& names) override {
    std::vector<slurm::NodeFacts> facts;
    for (const std::string& name : names) {
      const bool is_away = std::find(away.begin(), away.end(), name) != away.end();
      facts.push_back({.name = name, .state = is_away ? "DOWN*" : "IDLE"});
    }
    return facts;
  }
  std::vector<slurm::BlockFacts> blocks() override { return racks; }
  std::map<std::string, std::string> states;  // of jobs, by id
  std::optional<slurm::JobFacts> job(const std::string& id) override {
    if (!states.contains(id)) return std::nullopt;
    return slurm::JobFacts{.id = id, .state = states[id]};
  }
};

class FakeControl : public slurm::Control {
 public:
  slurm::Forecast answer{.accepted = true};
  int submitted = 0;
  slurm::Forecast forecast(const fs::path&) override { return answer; }
  slurm::Submitted taken{.id = "17"};
  slurm::Submission asked;
  slurm::Submitted submit(const slurm::Submission& submission) override {
    ++submitted;
    asked = submission;
    return taken;
  }
  void cancel(const std::string&) override {}
  void requeue(const std::string&) override {}
  bool end_step(const std::string&, const std::string&) override { return false; }
};

class Submit : public testing::Test {
 protected:
  Submit() { fs::current_path(folder_.path()); }
  ~Submit() override { fs::current_path(before_); }
  std::string failure() {
    try {
      submit(typed_, queries_, control_);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  tests::TemporaryFolder folder_;
  fs::path before_ = fs::current_path();
  FakeQueries queries_;
  FakeControl control_;
  run::StartOptions typed_{.verb = "submit", .words = {"reverse-digits"}, .cluster = "test-slurm", .run_dir = "mine"};
};

TEST_F(Submit, LeavesAFolderThatKnowsItsJob) {
  EXPECT_EQ(submit(typed_, queries_, control_), 0);
  EXPECT_EQ(records::read_submissions("mine").back().job_id, "17");
  EXPECT_EQ(control_.asked.log, (folder_.path() / "mine/slurm-").string());
  EXPECT_TRUE(fs::exists("mine/batch.sh"));
}

TEST_F(Submit, WhoWaitsGetsTheCodeOfTheRun) {
  queries_.states["17"] = "FAILED";
  EXPECT_EQ(submit(typed_, queries_, control_, {.json = true, .wait = true}), 3) << "it left no verdict";
  const spec::RunPaths paths{folder_.path() / "mine"};
  fs::create_directories(paths.attempt(0));
  base::write_file(paths.epoch(), spec::epoch_text({.attempt = 0, .id = "a"}));
  records::write_verdict(paths, {.attempt = 0, .code = 4, .sentence = "rank 0 crashed"});
  EXPECT_EQ(wait_for_job(paths.folder, "17", queries_, 0.01), 4);
  queries_.states.clear();
  EXPECT_EQ(wait_for_job(paths.folder, "17", queries_, 0.01), 4) << "Slurm has forgotten it";
}

TEST_F(Submit, AnAbsentControllerLeavesNothingBehind) {
  queries_.is_away = true;
  EXPECT_NE(failure().find("does not answer"), std::string::npos);
  EXPECT_FALSE(fs::exists("mine"));
}

TEST_F(Submit, WhatSlurmRefusesIsSaidInItsWordsAndLeavesNothingBehind) {
  control_.answer = {.accepted = false, .said = "Requested node configuration is not available"};
  EXPECT_NE(failure().find("Requested node configuration"), std::string::npos);
  EXPECT_EQ(control_.submitted, 0);
  EXPECT_FALSE(fs::exists("mine"));
}

TEST_F(Submit, AJobThatNeedsNodesWhichAreDownWaitsForThem) {
  control_.answer = {.accepted = false, .said = "Requested node configuration is not available"};
  queries_.away = {"node0", "node1", "node2", "node3"};
  EXPECT_EQ(submit(typed_, queries_, control_), 0);
  EXPECT_EQ(control_.submitted, 1);
}

TEST_F(Submit, SaysWhichNodesItWaitsFor) {
  run::Prepared prepared = run::prepare(typed_);
  prepared.plan.num_nodes = 3;
  queries_.away = {"node1", "node2"};
  EXPECT_EQ(away_text(prepared, pool_of(prepared, queries_.list, queries_)),
            "2 of 4 nodes of partition batch are up and the job needs 3: it waits for node[1-2] (DOWN*)");
  prepared.plan.num_nodes = 2;
  EXPECT_EQ(away_text(prepared, pool_of(prepared, queries_.list, queries_)), "");
  prepared.cluster.slurm.nodelist = "node2";
  EXPECT_NE(away_text(prepared, pool_of(prepared, queries_.list, queries_)), "");
  prepared.cluster.slurm.nodelist = "";
  prepared.cluster.slurm.exclude = "node[0-2]";  // too few are left whatever their state: a refusal is final
  EXPECT_EQ(away_text(prepared, pool_of(prepared, queries_.list, queries_)), "");
}

TEST_F(Submit, SegmentsAreHeldAgainstTheRacksAsTheyAre) {
  run::Prepared prepared = run::prepare(typed_);
  prepared.cluster.nvlink.domain_nodes = 2;
  prepared.plan.num_nodes = 4;
  prepared.plan.segment_nodes = 2;
  prepared.plan.ranks = {{.node_slot = 3, .train_rank = 0}};
  const auto faults_of = [&] {
    base::Faults faults;
    check_segments(prepared, pool_of(prepared, queries_.list, queries_), faults);
    return faults.empty() ? std::string() : faults.list()[0].what;
  };
  EXPECT_EQ(faults_of(), "the plan asks for segments of 2 nodes, but Slurm has no topology/block");
  queries_.racks = {{"rack0", "node[0-1]", 2}, {"rack1", "node[2-3]", 2}};
  EXPECT_EQ(faults_of(), "");
  queries_.away = {"node3"};
  EXPECT_EQ(faults_of(), "");
  EXPECT_NE(away_text(prepared, pool_of(prepared, queries_.list, queries_)), "");
  prepared.cluster.slurm.exclude = "node3";
  EXPECT_EQ(
      faults_of(),
      "segments of 2 nodes: 2 NVLink domains of 2, 1 nodes hold whole segments of 2 for 2 nodes, but the job has 4");
}

TEST_F(Submit, AllBrokenLimitsAtOnce) {
  run::Prepared prepared = run::prepare(typed_);
  prepared.cluster.slurm.partition = "short";
  prepared.cluster.slurm.time_limit_min = 60;
  prepared.plan.num_nodes = 3;
  base::Faults faults;
  std::vector<std::string> warnings;
  check_limits(prepared, queries_.list, faults, warnings);
  ASSERT_EQ(faults.list().size(), 2U);
  EXPECT_NE(faults.list()[0].what.find("3 nodes, but a job in partition short may have 2"), std::string::npos);
  EXPECT_NE(faults.list()[1].what.find("ends jobs after 5 minutes"), std::string::npos);
}

TEST_F(Submit, AnUnknownPartitionHasItsNearest) {
  run::Prepared prepared = run::prepare(typed_);
  prepared.cluster.slurm.partition = "bacth";
  base::Faults faults;
  std::vector<std::string> warnings;
  check_limits(prepared, queries_.list, faults, warnings);
  ASSERT_EQ(faults.list().size(), 1U);
  EXPECT_NE(faults.list()[0].fix.find("batch"), std::string::npos);
}

TEST_F(Submit, AListOfPartitionsHasTheNodesOfAllAndAnyThatIsUpWillDo) {
  queries_.list.push_back({.name = "other", .is_up = false, .total_nodes = 2, .nodes = "other[0-1]"});
  run::Prepared prepared = run::prepare(typed_);
  prepared.cluster.slurm.partition = "batch,other";
  const Pool pool = pool_of(prepared, queries_.list, queries_);
  EXPECT_EQ(pool.partition, "batch,other");
  EXPECT_EQ(pool.nodes.size(), 6U);
  base::Faults faults;
  std::vector<std::string> warnings;
  check_limits(prepared, queries_.list, faults, warnings);
  EXPECT_TRUE(faults.empty());
  EXPECT_EQ(warnings, std::vector<std::string>{"partition other is down"});
}

TEST_F(Submit, ARunWithAJobThatIsNotOverIsNotSubmittedAgain) {
  submit(typed_, queries_, control_);
  typed_ = {.verb = "submit", .run_dir = "mine"};
  queries_.states["17"] = "PENDING";
  const std::string words = failure();
  EXPECT_NE(words.find("job 17 of this run is pending"), std::string::npos) << words;
  EXPECT_NE(words.find("muster cancel 17"), std::string::npos) << words;
  EXPECT_EQ(control_.submitted, 1);
  queries_.states["17"] = "FAILED";
  control_.taken.id = "18";
  EXPECT_EQ(failure(), "");
  EXPECT_EQ(records::read_submissions("mine").size(), 2U);
  queries_.states["17"] = "REQUEUED";  // the older of its two
  EXPECT_NE(failure().find("job 17 of this run is requeued"), std::string::npos);
}

TEST_F(Submit, TheFolderOfAJobThatMayHaveBeenTakenStays) {
  control_.taken = {.id = "", .sentence = "sbatch answered 'hm', which names no job"};
  EXPECT_NE(failure().find("'hm'"), std::string::npos);
  EXPECT_TRUE(fs::exists("mine/plan.toml"));
  EXPECT_TRUE(fs::exists("mine/batch.sh"));
}

TEST_F(Submit, AFolderThatSlurmCannotCarryIsRefusedAtOnce) {
  for (const char* name : {"it's", "a\"b", "a\\b", "a\nb"}) {
    typed_.run_dir = name;
    EXPECT_NE(failure().find("which Slurm cannot carry"), std::string::npos) << name;
    EXPECT_FALSE(fs::exists(name));
  }
  typed_.run_dir = "100% a b#c$(d)";
  EXPECT_EQ(failure(), "");
}

TEST_F(Submit, StartsAreSaidAsPeopleSayThem) {
  EXPECT_EQ(start_text(0, 100), "not known yet");
  EXPECT_EQ(start_text(100, 100), "now");
  EXPECT_TRUE(start_text(280, 100).starts_with("in 3 min"));
}

}  // namespace
}  // namespace muster::submit
