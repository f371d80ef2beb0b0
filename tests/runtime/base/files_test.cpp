#include "runtime/base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

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

}  // namespace
}  // namespace muster::base
