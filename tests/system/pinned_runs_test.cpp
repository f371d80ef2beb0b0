// A job runs the binaries that it was submitted with, whatever is built meanwhile: in its first attempt, queued again,
// and gone on with by hand.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "launcher/supervise/verdict.h"
#include "runtime/base/clock.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "tests/support/command.h"
#include "tests/support/slurm_lab.h"
#include "tests/support/temporary_folder.h"

namespace muster::tests {
namespace {

namespace fs = std::filesystem;
using base::text;

const fs::path kBuilt = fs::path(MUSTER_BINARY_DIR) / "bin";

class PinnedRuns : public testing::Test {
 protected:
  // A build of our own, with muster-rank's place taken by fake_rank, which a wrapper stands in front of anyhow.
  PinnedRuns() {
    base::make_folder(bin_);
    for (const char* name : {"muster", "muster-runtime"}) fs::copy_file(kBuilt / name, bin_ / name);
    fs::copy_file(kBuilt / "fake_rank", bin_ / "muster-rank");
    for (const char* name : {"templates", "clusters"})
      fs::create_directory_symlink(fs::path(MUSTER_SOURCE_DIR) / name, folder_.path() / name);
    base::write_file(cluster_,
                     "device = \"cpu\"\nnodes = 1\nranks_per_node = 2\n[slurm]\npartition = \"batch\"\n"
                     "time_limit_min = 5\nsbatch_flags = [\"--hold\"]\n");
  }
  // A new build, of which nothing works.
  void rebuild() {
    for (const char* name : {"muster", "muster-runtime", "muster-rank"}) {
      fs::remove(bin_ / name);
      base::write_file(bin_ / name, "#!/bin/sh\necho the new build\nexit 99\n", 0755);
    }
  }
  CommandResult submit(const std::string& behaviour) {
    return run_command({(bin_ / "muster").string(), "submit", "reverse-digits", "--cluster", cluster_.string(),
                        "--run-dir", paths_.folder.string(), "--set",
                        text("rank_wrapper=[\"", (kBuilt / "fake_rank").string(), "\", \"", behaviour, "\"]"), "--set",
                        "checkpoint.every=1", "--set", "requeue.max=1"});
  }
  records::Verdict verdict(std::int64_t attempt) const {
    for (const base::Stopwatch watch; watch.elapsed_s() < 60;
         std::this_thread::sleep_for(std::chrono::milliseconds(100)))
      if (const auto verdict = records::read_verdict(paths_, attempt)) return *verdict;
    return {.code = -1, .sentence = "no verdict"};
  }

  TemporaryFolder folder_;
  fs::path bin_ = folder_.path() / "build" / "bin", cluster_ = folder_.path() / "lab.toml";
  spec::RunPaths paths_{folder_.path() / "runs" / "mine"};
};

TEST_F(PinnedRuns, ABuildUnderAWaitingJobIsNotSeenByAnyAttempt) {
  if (!SlurmLab::available()) GTEST_SKIP() << "Slurm is not installed: tools/setup installs it";
  const SlurmLab lab;
  const CommandResult submitted = submit("0:exit4");
  ASSERT_EQ(submitted.code, 0) << submitted.output;
  rebuild();
  const std::string id = base::split(base::trim(submitted.output.substr(submitted.output.find("job ") + 4)), ' ')[0];
  ASSERT_EQ(run_command({"scontrol", "release", id}).code, 0) << submitted.output;
  for (std::int64_t attempt = 0; attempt < 2; ++attempt) {
    const records::Verdict end = verdict(attempt);
    EXPECT_EQ(end.code, 4) << end.sentence;
    EXPECT_NE(end.sentence.find("told to leave with 4"), std::string::npos) << end.sentence;
  }
  // By hand, and by a muster that is another one: it hands over.
  const CommandResult by_hand = run_command({(kBuilt / "muster").string(), "run", "--run-dir", paths_.folder.string()});
  EXPECT_EQ(by_hand.code, 4) << by_hand.output;
  EXPECT_NE(by_hand.output.find("told to leave with 4"), std::string::npos) << by_hand.output;
}

TEST_F(PinnedRuns, AnotherMusterHandsOverWithTheWordsThatWereTyped) {
  base::make_folder(paths_.folder / "elsewhere");
  base::write_file(paths_.folder / "elsewhere/muster", "#!/bin/sh\necho pinned \"$@\"\n", 0755);
  fs::create_symlink("elsewhere", paths_.folder / "bin");
  const std::string run = paths_.folder.string(), muster = (kBuilt / "muster").string();
  for (const std::string verb : {"run", "submit"})
    EXPECT_EQ(run_command({muster, verb, "--run-dir", run}).output, text("pinned ", verb, " --run-dir ", run, "\n"));
  const CommandResult other = run_command({muster, "run", "--run-dir", run, "--new-binaries"});
  EXPECT_NE(other.output.find("no run is there"), std::string::npos) << "its own affair: " << other.output;
}

}  // namespace
}  // namespace muster::tests
