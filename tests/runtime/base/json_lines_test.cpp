#include "runtime/base/json_lines.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "tests/support/temporary_folder.h"

namespace muster::base {
namespace {

TEST(JsonLines, AppendAndFollow) {
  tests::TemporaryFolder folder;
  const auto path = folder.path() / "steps.jsonl";
  JsonLinesWriter writer(path);
  writer.append({{"step", 1}});
  std::int64_t offset = 0;
  EXPECT_EQ(read_json_lines(path, offset).size(), 1u);
  EXPECT_EQ(read_json_lines(path, offset).size(), 0u);
  writer.append({{"step", 2}});
  const auto lines = read_json_lines(path, offset);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["step"], 2);
}

TEST(JsonLines, AHalfLineOfAKilledWriterIsCutOff) {
  tests::TemporaryFolder folder;
  const auto path = folder.path() / "steps.jsonl";
  std::ofstream(path) << "{\"step\":1}\n{\"st";
  EXPECT_EQ(read_json_lines(path).size(), 1u);
  JsonLinesWriter(path).append({{"step", 2}});
  EXPECT_EQ(read_json_lines(path).size(), 2u);
}

TEST(JsonLines, ABrokenLineIsNamed) {
  tests::TemporaryFolder folder;
  const auto path = folder.path() / "steps.jsonl";
  std::ofstream(path) << "nonsense\n";
  EXPECT_THROW(read_json_lines(path), Error);
}

TEST(JsonLines, AViewPassesBrokenLinesOver) {
  tests::TemporaryFolder folder;
  const auto path = folder.path() / "steps.jsonl";
  std::ofstream(path) << "{\"step\":1}\nnonsense\n{\"step\":2}\n{\"half";
  std::int64_t offset = 0;
  std::vector<Fault> broken;
  EXPECT_EQ(read_json_lines(path, offset, broken).size(), 2u);
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_EQ(broken[0].where, path.string() + " at byte 11");
  EXPECT_TRUE(read_json_lines(path, offset, broken).empty());
  EXPECT_EQ(broken.size(), 1u);
}

TEST(JsonLines, ALineForWhichThereIsNoRoomIsTakenBack) {
  tests::TemporaryFolder folder;
  const auto path = folder.path() / "samples.jsonl";
  // A child that may write no file beyond 100 bytes.
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100, 100};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    JsonLinesWriter writer(path);
    writer.append({{"step", 1}});
    try {
      writer.append({{"text", std::string(500, 'a')}});
    } catch (const Error& error) {
      writer.append({{"step", 2}});
      writer.sync();
      ::_exit(error.exit_code());
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 2);
  EXPECT_EQ(read_json_lines(path).size(), 2u);
}

TEST(JsonLines, TheLastLineOfAFileThatALinkPointsToIsNotCut) {
  tests::TemporaryFolder folder;
  write_file(folder.path() / "others", "no newline at the end");
  std::filesystem::create_symlink(folder.path() / "others", folder.path() / "steps.jsonl");
  EXPECT_THROW(JsonLinesWriter(folder.path() / "steps.jsonl"), Error);
  EXPECT_EQ(read_file(folder.path() / "others"), "no newline at the end");
}

}  // namespace
}  // namespace muster::base
