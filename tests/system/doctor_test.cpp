// `muster doctor` on a real Slurm: what it says of a cluster that works, and what keeps a job from running.
#include <gtest/gtest.h>

#include "launcher/doctor/doctor.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "tests/support/command.h"
#include "tests/support/slurm_lab.h"
#include "tests/support/temporary_folder.h"

namespace muster::tests {
namespace {

namespace fs = std::filesystem;
using base::text;

class Doctor : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (SlurmLab::available()) lab_ = new SlurmLab({.nodes = 2});
  }
  static void TearDownTestSuite() { delete lab_; }
  void SetUp() override {
    if (lab_ == nullptr) GTEST_SKIP() << "Slurm is not installed: tools/setup installs it";
  }
  // Nothing is left in the queue or in the run root.
  void TearDown() override {
    EXPECT_EQ(base::trim(run_command({"squeue", "--noheader", "--states=PENDING,RUNNING"}).output), "");
    EXPECT_TRUE(!fs::exists(root()) || fs::is_empty(root()));
  }

  fs::path root() const { return folder_.path() / "root"; }
  std::string cluster(const std::string& slurm, const std::string& setup = "") const {
    const fs::path file = folder_.path() / "lab.toml";
    base::write_file(file, text("device = \"cpu\"\nnodes = 2\nranks_per_node = 8\nrun_root = \"", root().string(),
                                "\"\nsetup = [", setup, "]\n[slurm]\n", slurm, "\n"));
    return file.string();
  }
  // Its reports, in order; `code_` keeps the exit code, `said_` everything.
  std::vector<health::Report> reports(const std::string& cluster_file, const std::vector<std::string>& flags) {
    std::vector<std::string> command{MUSTER_BINARY_DIR "/bin/muster", "doctor", "--cluster", cluster_file, "--json"};
    command.insert(command.end(), flags.begin(), flags.end());
    const CommandResult result = run_command(command);
    code_ = result.code;
    said_ = result.output;
    std::vector<health::Report> found;
    for (const std::string& line : base::split(said_, '\n'))
      if (line.starts_with("{")) found.push_back(health::parse_report(line, "muster doctor --json"));
    return found;
  }
  static health::Finding finding(const health::Report& report, const std::string& what) {
    for (const health::Finding& one : report.findings)
      if (one.what == what) return one;
    return {health::Grade::error, what, "no such finding", "", ""};
  }

  static inline SlurmLab* lab_ = nullptr;
  TemporaryFolder folder_;
  int code_ = -1;
  std::string said_;
};

TEST_F(Doctor, LooksHereAndOnANodeThatSeesTheRunRoot) {
  const std::vector<health::Report> found = reports(cluster("partition = \"batch\""), {"--submit"});
  ASSERT_EQ(found.size(), 2u) << said_;
  EXPECT_NE(code_, 3) << said_;
  EXPECT_EQ(finding(found[0], "partition").found, "batch is up");
  EXPECT_EQ(finding(found[0], "nodes").found, "2 of 2 up");
  EXPECT_EQ(finding(found[0], "a job of one node").found, "is accepted");
  EXPECT_TRUE(found[1].host.starts_with("node")) << found[1].host;
  EXPECT_EQ(finding(found[1], "shared folder").grade, health::Grade::ok) << said_;
  EXPECT_EQ(finding(found[1], "clock").grade, health::Grade::ok) << said_;
}

TEST_F(Doctor, SubmitsNothingBeforeTheLoginNodeIsWell) {
  const std::vector<health::Report> found = reports(cluster("partition = \"bach\""), {"--submit"});
  ASSERT_EQ(found.size(), 1u) << said_;
  EXPECT_EQ(code_, 3) << said_;
  const health::Finding partition = finding(found[0], "partition");
  EXPECT_EQ(partition.found, "no bach");
  EXPECT_NE(partition.wanted.find("batch, short"), std::string::npos) << partition.wanted;
}

TEST_F(Doctor, AFlagThatSlurmRefusesIsShownWithWhatItSaid) {
  const std::vector<health::Report> found =
      reports(cluster("partition = \"batch\"\nsbatch_flags = [\"--constraint=blue\"]"), {"--submit"});
  ASSERT_EQ(found.size(), 1u) << said_;
  EXPECT_EQ(code_, 3) << said_;
  EXPECT_NE(finding(found[0], "a job of one node").found.find("Invalid feature"), std::string::npos) << said_;
}

TEST_F(Doctor, ANodeThatDoesNotSeeTheRunRootsFilesIsAnError) {
  const std::string removes = text("\"rm ", root().string(), "/.muster-doctor-*/canary\"");
  const std::vector<health::Report> found = reports(cluster("partition = \"batch\"", removes), {"--submit"});
  ASSERT_EQ(found.size(), 2u) << said_;
  EXPECT_EQ(code_, 3) << said_;
  EXPECT_EQ(finding(found[1], "shared folder").grade, health::Grade::error) << said_;
}

TEST_F(Doctor, InterruptedWhileItsJobWaitsItLeavesNothing) {
  const std::string file = cluster("partition = \"batch\"\nsbatch_flags = [\"--begin=now+1hour\"]");
  const CommandResult result =
      run_command({"bash", "-c",
                   text(MUSTER_BINARY_DIR "/bin/muster doctor --submit --cluster ", file,
                        " & until squeue --noheader | grep -q muster; do sleep 0.1; done; kill -TERM $!; wait $!")});
  EXPECT_EQ(result.code, 3) << result.output;
  EXPECT_NE(result.output.find("is PENDING (BeginTime); interrupted, it was cancelled"), std::string::npos)
      << result.output;
}

TEST_F(Doctor, AJobThatDoesNotStartIsCancelledAndToldOf) {
  const fs::path script = folder_.path() / "look.sh";
  base::write_file(
      script, text("#!/bin/bash\n#SBATCH --begin=now+1hour --output=", folder_.path().string(), "/job.log\ntrue\n"),
      0755);
  const std::unique_ptr<slurm::Queries> queries = slurm::make_queries();
  const std::unique_ptr<slurm::Control> control = slurm::make_control();
  const health::Report report = doctor::look_at_a_node(*queries, *control, script, 2);
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_NE(report.findings[0].found.find("is PENDING (BeginTime) after 2"), std::string::npos)
      << report.findings[0].found;
  EXPECT_NE(report.findings[0].found.find("was cancelled"), std::string::npos);
}

}  // namespace
}  // namespace muster::tests
