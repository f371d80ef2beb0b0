// What the system tests of runs under Slurm share: a lab for the whole suite, a cluster file and a job for it, and what
// becomes of a run. A suite of its own has a class of its own below SlurmRunsFixture.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "launcher/supervise/verdict.h"
#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/base/json_lines.h"
#include "runtime/base/text.h"
#include "runtime/spec/plan.h"
#include "tests/support/command.h"
#include "tests/support/slurm_lab.h"
#include "tests/support/small_plan.h"
#include "tests/support/temporary_folder.h"

#include <nlohmann/json.hpp>

namespace muster::tests {

namespace fs = std::filesystem;
using base::text;

const std::string kBinaries = std::string(MUSTER_BINARY_DIR) + "/bin";

class SlurmRunsFixture : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (SlurmLab::available()) lab_ = new SlurmLab(options_);
  }
  static void TearDownTestSuite() {
    delete lab_;
    lab_ = nullptr;
  }
  void SetUp() override {
    if (lab_ == nullptr) GTEST_SKIP() << "Slurm is not installed: tools/setup installs it";
    write_cluster("batch", 30);
  }
  // No process of this test may be left, whatever became of its run.
  void TearDown() override {
    const base::Stopwatch watch;
    while (!processes_with(run()).empty() && watch.elapsed_s() < 10) pause();
    EXPECT_TRUE(processes_with(run()).empty()) << logs();
  }

  static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(100)); }
  std::string run() const { return (folder_.path() / "run").string(); }
  std::string cluster() const { return (folder_.path() / "lab.toml").string(); }
  spec::RunPaths paths() const { return {run()}; }
  void write_cluster(const std::string& partition, int time_limit_min, const std::string& setup = "") const {
    base::write_file(cluster(),
                     text("device = \"cpu\"\nnodes = 4\nranks_per_node = 8\nsetup = [", setup,
                          "]\n[slurm]\npartition = \"", partition, "\"\ntime_limit_min = ", time_limit_min, "\n"));
  }
  // The tiny job as one of `nodes` x `ranks` colocated, with `changes`.
  std::vector<std::string> job(const std::string& verb, int nodes, int ranks, std::vector<std::string> changes) const {
    std::vector<std::string> command{kBinaries + "/muster", verb, "reverse-digits", "--cluster", cluster(),
                                     "--run-dir",           run()};
    for (const std::string& change :
         {text("placement.ranks_per_node=", ranks), text("train.dp=", nodes * ranks), text("gen.dp=", nodes * ranks),
          std::string("grpo.steps=2"), std::string("warmup.sft_steps=0"), std::string("warmup.stop_at_reward=0"),
          std::string("checkpoint.final_model=false"), std::string("watchdog.beat_timeout_s=2")})
      changes.insert(changes.begin(), change);
    for (const std::string& change : changes) command.insert(command.end(), {"--set", change});
    return command;
  }
  static std::string fake(const std::string& behaviours) {
    return text("rank_wrapper=[\"", kBinaries, "/fake_rank\", ", behaviours, "]");
  }
  void submit(int nodes, int ranks, const std::vector<std::string>& changes) {
    const CommandResult result = run_command(job("submit", nodes, ranks, changes));
    ASSERT_EQ(result.code, 0) << result.output;
    EXPECT_NE(result.output.find("expected start"), std::string::npos) << result.output;
  }
  records::Verdict verdict(std::int64_t attempt = 0, double patience_s = 60) const {
    const base::Stopwatch watch;
    while (watch.elapsed_s() < patience_s && fs::exists(paths().plan())) {
      if (const auto verdict = records::read_verdict(paths(), attempt)) return *verdict;
      pause();
    }
    return {.attempt = -1, .code = -1, .sentence = "no verdict: " + logs()};
  }
  bool wait_for(const fs::path& path, double patience_s = 30) const {
    const base::Stopwatch watch;
    std::error_code ignored;
    while (watch.elapsed_s() < patience_s && (!fs::exists(path, ignored) || fs::file_size(path, ignored) == 0)) pause();
    return fs::exists(path, ignored);
  }
  // Everything that the run and Slurm wrote for people.
  std::string logs() const {
    std::string all;
    std::error_code ignored;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path(), ignored))
      if (entry.path().extension() == ".log")
        all += text("\n--- ", entry.path().string(), "\n", base::read_file(entry.path()));
    return all;
  }
  // A script in front of one of Slurm's commands, as sites have them; $real in `body` is the command.
  void stand_in(const std::string& command, const std::string& body) const {
    const std::string real = base::trim(run_command({"sh", "-c", "command -v " + command}).output);
    base::make_folder(stand_ins());
    base::write_file(stand_ins() / command, text("#!/bin/bash\nreal=", real, "\n", body, "\n"), 0755);
  }
  fs::path stand_ins() const { return folder_.path() / "bin"; }
  std::string path_setup() const { return text("\"export PATH=", stand_ins().string(), ":$PATH\""); }
  std::int64_t steps_of(std::int64_t attempt) const {
    std::int64_t count = 0;
    for (const auto& record : base::read_json_lines(paths().steps())) count += record["attempt"] == attempt ? 1 : 0;
    return count;
  }

  static inline SlurmLabOptions options_;
  static inline SlurmLab* lab_ = nullptr;
  TemporaryFolder folder_;
};

}  // namespace muster::tests
