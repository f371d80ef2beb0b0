#include "runtime/base/limited_log.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "runtime/base/error.h"
#include "runtime/base/process.h"
#include "tests/support/temporary_folder.h"

namespace muster::base {
namespace {

/// How a shell script ends that writes into a log of at most `most_bytes`.
ChildEnd run_script(const std::filesystem::path& path, std::int64_t most_bytes, const std::string& script) {
  const LimitedLog log(path, most_bytes);
  const pid_t pid = start_child({.command = {"/bin/sh", "-c", script}, .output_fd = log.fd(), .error_fd = log.fd()});
  return wait_child(pid, true).value();
}

class LimitedLogTest : public testing::Test {
 protected:
  tests::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "log";
};

TEST_F(LimitedLogTest, HoldsWhatIsWrittenToBothStreams) {
  EXPECT_EQ(run_script(path_, 1000, "echo out; echo error >&2; printf half").code, 0);
  EXPECT_EQ(read_file(path_), "out\nerror\nhalf");
}

TEST_F(LimitedLogTest, IsCutAtItsSizeAndTheWriterLives) {
  EXPECT_EQ(run_script(path_, 2'000'000, "head -c 9000000 /dev/zero | tr '\\0' x && exit 7").code, 7);
  const std::string text = read_file(path_);
  EXPECT_EQ(text.substr(2'000'000), "\nmuster: this log is cut here, at 2 MB (log.max_mb); the rest is dropped\n");
  EXPECT_EQ(text.find_first_not_of('x'), 2'000'000U);
}

TEST_F(LimitedLogTest, CountsWhatIsThereAlready) {
  run_script(path_, 1'000'000, "head -c 900000 /dev/zero");
  run_script(path_, 1'000'000, "head -c 900000 /dev/zero");
  EXPECT_LT(read_file(path_).size(), 1'000'100U);
}

TEST_F(LimitedLogTest, EndsThoughAWriterStays) {
  pid_t pid = 0;
  {
    const LimitedLog log(path_, 1'000'000);
    pid = start_child({.command = {"yes"}, .output_fd = log.fd(), .error_fd = log.fd()});
  }
  EXPECT_EQ(wait_child(pid, true).value().signal, SIGPIPE);
}

TEST_F(LimitedLogTest, TakesTheOutputOfThisProcessForAWhile) {
  {
    const LimitedOutput output(path_, 1000);
    std::fputs("out\n", stdout);
    std::fflush(stdout);
    wait_child(start_child({.command = {"/bin/sh", "-c", "head -c 5000 /dev/zero >&2"}}), true);
  }
  const std::string text = read_file(path_);
  EXPECT_EQ(text.substr(0, 4), "out\n");
  EXPECT_NE(text.find("this log is cut here"), std::string::npos);
  std::fputs("no more\n", stdout);
  std::fflush(stdout);
  EXPECT_EQ(read_file(path_), text);
}

TEST_F(LimitedLogTest, NeedsAFileThatCanBeWritten) {
  EXPECT_THROW(LimitedLog(folder_.path() / "none" / "log", 1000), Error);
}

}  // namespace
}  // namespace muster::base
