#include "launcher/supervise/preflight.h"

#include <gtest/gtest.h>

#include "launcher/health/node_checks.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/spec/epoch.h"
#include "tests/support/temporary_folder.h"

namespace muster::supervise {
namespace {

using health::Grade;

const std::vector<health::Report> kReports{
    {.host = "n0", .findings = {{Grade::ok, "GPUs", "8", "8", ""}}},
    {.host = "n1",
     .findings = {{Grade::warning, "clock", "2 s ahead", "within 1 s", ""},
                  {Grade::error, "GPUs", "7", "8", "drain it"}}},
    {.host = "n2", .findings = {{Grade::error, "answer", "none", "", ""}, {Grade::error, "GPUs", "0", "8", ""}}}};

// A plan of one rank here, without Slurm; no query is asked.
class Preflight : public testing::Test {
 protected:
  Preflight() {
    plan_.run_folder = folder_.path();
    plan_.ranks.push_back({});
    plan_.job.placement.preflight = true;
    base::write_file(paths().plan(), "");
  }
  spec::RunPaths paths() const { return {folder_.path()}; }
  Nodes choose() const { return choose_nodes(plan_, *slurm::make_queries(), {}); }
  Error refusal() const {
    try {
      choose();
    } catch (const Error& error) {
      return error;
    }
    return Error::defect({.what = "nothing was refused"});
  }

  tests::TemporaryFolder folder_;
  spec::Plan plan_;
};

TEST_F(Preflight, OnlyWhatMustBeMendedKeepsAHostAway) {
  EXPECT_EQ(unfit_hosts(kReports), (std::vector<std::string>{"n1", "n2"}));
  EXPECT_EQ(unfit_text(kReports), "n1: GPUs 7 (wanted: 8); n2: answer none");
}

TEST_F(Preflight, AMachineThatIsFitIsTaken) {
  base::write_file(paths().node_wanted(), health::wanted_text({}));
  ASSERT_EQ(choose().places.size(), 1U);
  EXPECT_EQ(choose().places[0].host, spec::this_host());
  EXPECT_NE(base::read_file(paths().preflight_page()).find("run root"), std::string::npos);
}

TEST_F(Preflight, AMachineThatIsNotIsRefusedWithWhatItLacks) {
  base::write_file(paths().node_wanted(), health::wanted_text({.host_memory_gb = 1e6}));
  const Error error = refusal();
  EXPECT_EQ(error.exit_code(), 3);
  EXPECT_NE(std::string(error.what()).find(spec::this_host() + ": "), std::string::npos) << error.what();
  EXPECT_NE(std::string(error.what()).find("preflight.txt"), std::string::npos) << error.what();
}

TEST_F(Preflight, ARunFolderThatDoesNotSayWhatNodesMustHaveIsRefused) {
  EXPECT_NE(std::string(refusal().what()).find("node_wanted.json"), std::string::npos);
}

}  // namespace
}  // namespace muster::supervise
