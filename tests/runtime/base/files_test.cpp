#include "runtime/base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/error.h"
#include "tests/support/temporary_folder.h"

namespace muster::base {
namespace {

TEST(Files, AreWrittenWholeWithTheirMode) {
  tests::TemporaryFolder folder;
  const auto path = folder.path() / "key";
  write_file(path, "secret", 0600);
  EXPECT_EQ(read_file(path), "secret");
  struct stat stat {};
  ::stat(path.c_str(), &stat);
  EXPECT_EQ(stat.st_mode & 0777, 0600u);
  write_file(path, "other");
  EXPECT_EQ(read_file(path), "other");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "no temporary file stays";
}

TEST(Files, ANameThatCannotBeOneIsNotThere) {
  const tests::TemporaryFolder folder;
  write_file(folder.path() / "file", "");
  EXPECT_TRUE(is_there(folder.path() / "file"));
  EXPECT_FALSE(is_there(folder.path() / std::string(1000, 'x')));
  EXPECT_FALSE(is_there(folder.path() / "file" / "below"));
}

TEST(Files, AMissingFileIsNamed) {
  try {
    read_file("/nowhere/at/all");
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/at/all: cannot read: No such file"), std::string::npos)
        << error.what();
  }
}

TEST(Files, PathsAreResolvedAgainstTheFolderOfTheirFile) {
  ::setenv("MUSTER_CACHE", "/cache", 1);
  EXPECT_EQ(resolved_path("${MUSTER_CACHE}/models/x", "/jobs"), "/cache/models/x");
  EXPECT_EQ(resolved_path("../data/y", "/jobs"), "/data/y");
  EXPECT_EQ(resolved_path("/abs", "/jobs"), "/abs");
  EXPECT_EQ(resolved_path("./here", std::filesystem::path("job.toml").parent_path()),
            std::filesystem::current_path() / "here");
  ::unsetenv("MUSTER_CACHE");
}

TEST(Files, HomeAndVariablesOfAPathAreExpanded) {
  ::setenv("MUSTER_TEST_ROOT", "/data/mine", 1);
  const std::string home = ::getenv("HOME") != nullptr ? ::getenv("HOME") : "";
  if (!home.empty()) {
    EXPECT_EQ(expanded_path("~/models"), home + "/models");
    EXPECT_EQ(resolved_path("~", "/jobs"), std::filesystem::path(home).lexically_normal());
    EXPECT_EQ(resolved_path("${HOME}/x", "/jobs"), (std::filesystem::path(home) / "x").lexically_normal());
  }
  EXPECT_EQ(resolved_path("${MUSTER_TEST_ROOT}/a/${MUSTER_TEST_ROOT}", "/jobs"), "/data/mine/a/data/mine");
  EXPECT_EQ(expanded_path("a~/~b"), "a~/~b") << "only at the beginning";
  try {
    resolved_path("${MUSTER_NO_SUCH_VARIABLE}/x", "/jobs");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(std::string(error.what()).find("MUSTER_NO_SUCH_VARIABLE"), std::string::npos);
  }
  ::unsetenv("MUSTER_TEST_ROOT");
}

TEST(Files, WhatALinkPointsToIsNotWritten) {
  tests::TemporaryFolder folder;
  const auto others = folder.path() / "others", link = folder.path() / "link";
  write_file(others, "not ours");
  std::filesystem::create_symlink(others, link);
  // By the name that a file has before it gets its own.
  std::filesystem::create_symlink(others, folder.path() / ("mine.tmp" + std::to_string(::getpid())));
  write_file(folder.path() / "mine", "ours");
  write_file(link, "ours too");  // the link itself is replaced
  EXPECT_EQ(read_file(others), "not ours");
  EXPECT_EQ(read_file(folder.path() / "mine"), "ours");
  EXPECT_FALSE(std::filesystem::is_symlink(link));
}

TEST(Files, APipeInAFolderIsRefusedAndOneBetweenProcessesIsRead) {
  const tests::TemporaryFolder folder;
  const auto named = folder.path() / "plan.toml";
  ASSERT_EQ(::mkfifo(named.c_str(), 0644), 0);
  EXPECT_THROW(read_file(named), Error);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "rows", 4), 4);
  ::close(ends[1]);
  EXPECT_EQ(read_file("/proc/self/fd/" + std::to_string(ends[0])), "rows");
  ::close(ends[0]);
}

TEST(Files, WhatHasToLieOnADiskIsNoPipeDeviceOrFolder) {
  const tests::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  const auto refusal = [](const std::filesystem::path& path) -> std::string {
    try {
      return read_regular_file(path);
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_NE(refusal(folder.path() / "pipe").find("is a pipe, not a file"), std::string::npos);
  EXPECT_NE(refusal(folder.path()).find("is a folder, not a file"), std::string::npos);
  EXPECT_NE(refusal("/dev/zero").find("is a device or socket, not a file"), std::string::npos);
  write_file(folder.path() / "file", "content");
  EXPECT_EQ(refusal(folder.path() / "file"), "content");
}

}  // namespace
}  // namespace muster::base
