#include "runtime/base/followed_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::base {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

class FollowedFileTest : public testing::Test {
 protected:
  void append(const std::string& text) const { std::ofstream(path_, std::ios::app | std::ios::binary) << text; }
  Lines read(FollowedFile& file) const {
    Lines lines;
    file.read_lines([&](std::string_view line) { lines.emplace_back(line); });
    return lines;
  }
  tests::TemporaryFolder folder_;
  fs::path path_ = folder_.path() / "log";
};

TEST_F(FollowedFileTest, HandsOverLinesOnceTheyAreWhole) {
  FollowedFile file(path_);
  EXPECT_EQ(read(file), Lines{});
  append("one\ntw");
  EXPECT_EQ(read(file), Lines{"one"});
  EXPECT_EQ(file.unfinished(), "tw");
  EXPECT_EQ(file.offset(), 4);
  append("o\n\nthree\n");
  EXPECT_EQ(read(file), (Lines{"two", "", "three"}));
  EXPECT_EQ(file.offset(), 15);
  FollowedFile later(path_, 4);
  EXPECT_EQ(read(later), (Lines{"two", "", "three"}));
}

TEST_F(FollowedFileTest, KeepsNulBytesAndWhatIsNoText) {
  const std::string line("a\0b\xff", 4);
  append(line + "\nafter\n");
  FollowedFile file(path_), bytes(path_);
  EXPECT_EQ(read(file), (Lines{line, "after"}));
  std::string whole;
  bytes.read_bytes([&](std::string_view block) { whole += block; });
  EXPECT_EQ(whole, line + "\nafter\n");
}

TEST_F(FollowedFileTest, CutsALineThatIsTooLong) {
  append(std::string(3'000'000, 'x') + "\nshort\n" + std::string(25, 'y') + "\n");
  FollowedFile file(path_, 0, 20);
  EXPECT_EQ(read(file), (Lines{std::string(20, 'x'), "short", std::string(20, 'y')}));
  EXPECT_EQ(file.offset(), static_cast<std::int64_t>(fs::file_size(path_)));
}

TEST_F(FollowedFileTest, ReadsAboutAsMuchAsItIsAskedFor) {
  for (int line = 0; line < 1000; ++line) append(std::string(1023, 'x') + "\n");
  FollowedFile file(path_);
  std::int64_t lines = file.read_lines([](std::string_view) {}, 1);
  EXPECT_EQ(lines, 256);
  lines += file.read_lines([](std::string_view) {});
  EXPECT_EQ(lines, 1000);
}

TEST_F(FollowedFileTest, SkipsToTheFirstLineOfItsEnd) {
  append("first\nsecond\nthird\n");
  for (const auto& [bytes, lines] : std::vector<std::pair<std::int64_t, Lines>>{{6, {"third"}},
                                                                                {7, {"third"}},
                                                                                {13, {"second", "third"}},
                                                                                {12, {"third"}},
                                                                                {100, {"first", "second", "third"}}}) {
    FollowedFile file(path_);
    file.skip_to_last(bytes);
    EXPECT_EQ(read(file), lines) << bytes;
  }
  append("half");
  FollowedFile file(path_);
  file.skip_to_end();
  append(" and half\n");
  EXPECT_EQ(read(file), Lines{"half and half"});
}

TEST_F(FollowedFileTest, TheLastLinesAreThoseWithText) {
  EXPECT_EQ(last_lines(path_, 2), Lines{});
  append("one\n\ntwo\n  \nthree");
  EXPECT_EQ(last_lines(path_, 2), (Lines{"two", "three"}));
  EXPECT_EQ(last_lines(path_, 9), (Lines{"one", "two", "three"}));
}

// Two gigabytes of NUL bytes between two lines, read by a process that may have little memory.
TEST_F(FollowedFileTest, APipeOfThatNameIsEmpty) {
  tests::TemporaryFolder folder;
  const auto pipe = folder.path() / "log";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0644), 0);
  EXPECT_EQ(FollowedFile(pipe).read_lines([](std::string_view) {}), 0);
}

TEST_F(FollowedFileTest, AHugeFileNeedsLittleMemory) {
  append("first\n");
  fs::resize_file(path_, std::uintmax_t{2} << 30);
  append("\nlast\n");
  const pid_t child = ::fork();
  if (child == 0) {
    rusage before{}, after{};
    ::getrusage(RUSAGE_SELF, &before);
    Lines lines;
    FollowedFile file(path_);
    file.read_lines([&](std::string_view line) { lines.emplace_back(line.substr(0, 5)); });
    const bool right = lines == Lines{"first", std::string(5, '\0'), "last"} && last_lines(path_, 1) == Lines{"last"};
    ::getrusage(RUSAGE_SELF, &after);
    ::_exit(!right ? 1 : after.ru_maxrss - before.ru_maxrss > 32 << 10 ? 2 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "1: wrong lines, 2: more than 32 MiB";
}

}  // namespace
}  // namespace muster::base
