// Every shipped job on every shipped cluster, and the figures that planning has to reach.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "launcher/plan/plan.h"
#include "launcher/plan/show.h"
#include "launcher/rows/rows.h"
#include "runtime/base/text.h"
#include "tests/support/temporary_folder.h"

namespace muster::plan {
namespace {
namespace fs = std::filesystem;

class PublishedJobs : public testing::Test {
 protected:
  PublishedJobs() {
    const std::string root = MUSTER_SOURCE_DIR;
    ::setenv("MUSTER_TEMPLATES", (root + "/templates").c_str(), 1);
    ::setenv("MUSTER_CLUSTERS", (root + "/clusters").c_str(), 1);
    ::setenv("MUSTER_CACHE", "/nonexistent/cache", 1);  // no model is here: names give the facts
    ::setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
  }
};

std::string refusal(const std::string& job, const std::string& cluster) {
  try {
    const Planned planned = make_plan({.job = job, .overrides = {}, .cluster = cluster});
    EXPECT_EQ(planned.plan.cluster, cluster);
    const std::string page = plan_page(planned.plan, planned.cluster, "");
    EXPECT_NE(page.find(job), std::string::npos);
    return "";
  } catch (const Error& error) {
    for (const base::Fault& fault : error.faults()) {
      EXPECT_FALSE(fault.where.empty()) << job << " on " << cluster << ": " << fault.what;
      EXPECT_FALSE(fault.fix.empty()) << job << " on " << cluster << ": " << fault.what;
      EXPECT_NE(fault.what.find_first_of("0123456789"), std::string::npos) << "no number: " << fault.what;
    }
    return error.what();
  }
}

TEST_F(PublishedJobs, EveryShippedJobIsPlannedOnEveryShippedClusterOrRefusedWithNumbers) {
  std::set<std::pair<std::string, std::string>> measured;
  for (const rows::PublishedRow& row : rows::shipped_rows()) measured.emplace(row.job, row.cluster);
  std::size_t planned = 0, refused = 0;
  for (const std::string& job : cluster::names_in(cluster::shipped_folder("templates") / "jobs")) {
    for (const std::string& cluster : cluster::names_in(cluster::shipped_folder("clusters"))) {
      const std::string why = refusal(job, cluster);
      ++(why.empty() ? planned : refused);
      if (measured.contains({job, cluster})) {
        EXPECT_EQ(why, "") << job << " did run on " << cluster;
      }
    }
  }
  EXPECT_GT(planned, 100u);
  EXPECT_GT(refused, 0u);
}

TEST_F(PublishedJobs, APublishedRowIsPlannedOnAsManyGpusAsItHad) {
  for (const rows::PublishedRow& row : rows::shipped_rows()) {
    const Planned planned = make_plan({.job = row.id, .overrides = {}, .cluster = row.cluster});
    EXPECT_EQ(std::ssize(planned.plan.ranks), row.gpus) << row.id;
    EXPECT_EQ(planned.plan.num_nodes * planned.plan.ranks_per_node, row.gpus) << row.id;
  }
}

TEST_F(PublishedJobs, AJobWithTenFaultsShowsAllTen) {
  const tests::TemporaryFolder folder;
  const fs::path file = folder.path() / "job.toml";
  std::ofstream(file) << "base = \"grpo-qwen3-32b\"\n"    // 1
                         "[train]\n"                      // 2
                         "tp = 3\n"                       // 3: heads
                         "pp = 5\n"                       // 4: layers
                         "dp = 7\n"                       // 5: samples
                         "ep = 2\n"                       // 6: no experts
                         "[gen]\n"                        // 7
                         "tp = 128\n"                     // 8: heads
                         "max_batch_tokens = 8\n"         // 9: running samples
                         "[placement]\n"                  // 10
                         "gen_nodes = 2\n"                // 11: colocated
                         "[grpo]\n"                       // 12
                         "batch_multiplier = 2\n"         // 13: not dynamic
                         "max_sequence_tokens = 50000\n"  // 14: positions
                         "[loss]\n"                       // 15
                         "dual_clip = 0.5\n"              // 16: at most 1
                         "[requeue]\n"                    // 17
                         "max = 2\n";                     // 18: no checkpoints
  try {
    make_plan({.job = file.string(), .overrides = {}, .cluster = "dgx-h100"});
    FAIL() << "accepted";
  } catch (const Error& error) {
    std::set<std::string> lines;
    for (const base::Fault& fault : error.faults()) {
      EXPECT_FALSE(fault.fix.empty()) << fault.what;
      EXPECT_NE(std::string(error.what()).find(fault.what), std::string::npos);
      lines.insert(fault.where.substr(file.string().size()));
    }
    for (const int line : {3, 4, 5, 6, 8, 9, 11, 13, 14, 16, 18})
      EXPECT_TRUE(lines.contains(base::text(":", line, ":1"))) << "line " << line << " of\n" << error.what();
    EXPECT_GE(error.faults().size(), 10u);
  }
}

TEST_F(PublishedJobs, FaultsOfShapeComeInOneGoFromJobBaseAndFlags) {
  const tests::TemporaryFolder folder;
  const fs::path file = folder.path() / "job.toml";
  std::ofstream(file) << "base = \"grpo-qwen3-32b\"\n[train]\ntpp = 3\npp = \"x\"\n";
  try {
    make_plan({.job = file.string(), .overrides = {"gen.dp=0", "loss.clip_hi=1"}, .cluster = "dgx-h100"});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.faults().size(), 4u) << error.what();
  }
}

}  // namespace
}  // namespace muster::plan
