#include <gtest/gtest.h>

#include "launcher/health/node_step.h"
#include "runtime/base/files.h"

namespace muster::health {
namespace {

Report report(const std::string& host, std::vector<Finding> findings, double clock_s = 1000,
              const std::string& fabric = "") {
  return {.host = host, .clock_s = clock_s, .fabric = fabric, .findings = std::move(findings)};
}
const Finding kDriver{Grade::ok, "driver", "580.95.05 (CUDA 13.0)", "580 or newer, for CUDA 13", ""};
const Finding kLink{Grade::error, "NVLink", "GPU 1: links are down, or none is there", "all up",
                    "leave the node out (--exclude), and tell the administrator"};
const Finding kFiles{Grade::warning, "open files", "1024", "65536",
                     "setup = [\"ulimit -n 65536\"] in the cluster file"};

TEST(ReportsPage, FoldsWhatIsEqualAndBeginsWithTheWorst) {
  const std::vector<Report> reports{report("n1", {kDriver, kFiles}), report("n2", {kDriver, kFiles}),
                                    report("n3", {kDriver, kFiles, kLink}), report("n4", {kDriver, kFiles, kLink})};
  EXPECT_EQ(reports_page(reports),
            base::read_file(std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/golden/health/four_nodes.txt"));
  EXPECT_EQ(exit_code(reports), 3);
  EXPECT_EQ(exit_code({reports[0]}), 1);
  EXPECT_EQ(exit_code({report("n1", {kDriver})}), 0);
}

TEST(NodeStep, AHostWithoutAnAnswerIsNamedWithWhatSrunSaid) {
  const std::string line = "Welcome!\nmuster-node-report " + report_line(report("n2", {kDriver})) + "\n";
  const std::vector<Report> reports = collect_reports({"n1", "n2"}, line, "srun: error: n1: task 0: node failure\n");
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].findings.at(0).found, "none; srun said: srun: error: n1: task 0: node failure");
  EXPECT_EQ(worst_of(reports[0]), Grade::error);
  EXPECT_EQ(reports[1], report("n2", {kDriver}));
  EXPECT_THROW(parse_report("{\"host\":1}", "here"), Error);
}

TEST(NodeStep, TheCheckIsOneTaskANode) {
  const std::vector<std::string> words =
      node_step_command({.hosts = {"n1", "n2"}, .program = "/b/muster", .flags = {"apptainer"}, .wanted = {}});
  EXPECT_EQ(words[0], "srun");
  EXPECT_NE(std::find(words.begin(), words.end(), "--nodelist=n[1-2]"), words.end());
  EXPECT_EQ(std::vector<std::string>(words.end() - 4, words.end() - 1),
            (std::vector<std::string>{"apptainer", "/b/muster", "check-node"}));
}

TEST(CompareNodes, ClocksAndFabrics) {
  std::vector<Report> reports{report("n1", {}, 1000, "a/1"), report("n2", {}, 1003, "a/1"),
                              report("n3", {}, 970, "b/1"), report("n4", {}, 994.5, "a/1"), report("gone", {}, 0)};
  compare_nodes(reports, 1000, 6, true);  // it is 1000 now, and they looked within the last 6 s
  EXPECT_EQ(worst_of(reports[0]), Grade::ok);
  EXPECT_EQ(reports[1].findings.at(0).found, "3 s ahead");
  EXPECT_EQ(reports[1].findings.at(0).grade, Grade::warning);
  EXPECT_EQ(reports[2].findings.at(0).found, "24 s behind");
  EXPECT_EQ(reports[2].findings.at(0).grade, Grade::error);
  EXPECT_EQ(reports[2].findings.at(1).what, "NVLink domain");
  EXPECT_EQ(worst_of(reports[3]), Grade::ok) << "it looked first";
  EXPECT_TRUE(reports[4].findings.empty());
}

}  // namespace
}  // namespace muster::health
