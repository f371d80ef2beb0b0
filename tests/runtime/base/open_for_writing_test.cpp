#include "runtime/base/open_for_writing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "runtime/base/error.h"
#include "tests/support/temporary_folder.h"

namespace muster::base {
namespace {

TEST(OpenForWriting, ALinkIsRefusedAndAFolderMayBeReachedByOne) {
  tests::TemporaryFolder folder;
  const auto others = folder.path() / "others", link = folder.path() / "link";
  write_file(others, "not ours");
  std::filesystem::create_symlink(others, link);
  try {
    open_for_writing(link, O_WRONLY | O_TRUNC);
    FAIL() << "followed";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("is a symbolic link"), std::string::npos) << error.what();
  }
  EXPECT_EQ(read_file(others), "not ours");
  std::filesystem::create_symlink("/dev/null", folder.path() / "device");
  EXPECT_TRUE(open_for_writing(folder.path() / "device", O_WRONLY));
  std::filesystem::create_directory(folder.path() / "real");
  std::filesystem::create_directory_symlink(folder.path() / "real", folder.path() / "root");
  EXPECT_TRUE(open_for_writing(folder.path() / "root" / "log", O_WRONLY));
}

TEST(OpenForWriting, APipeIsRefused) {
  tests::TemporaryFolder folder;
  const auto pipe = folder.path() / "steps.jsonl";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0644), 0);
  EXPECT_THROW(open_for_writing(pipe, O_WRONLY | O_APPEND), Error);
  EXPECT_THROW(open_for_writing(pipe, O_RDWR | O_APPEND), Error);
}

}  // namespace
}  // namespace muster::base
