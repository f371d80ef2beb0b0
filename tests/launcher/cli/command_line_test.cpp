// What the program says and with which code it leaves, as a script sees it.
#include <gtest/gtest.h>

#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "tests/support/temporary_folder.h"

namespace muster::cli {
namespace {

int code_of(const std::string& script, const std::filesystem::path& output) {
  const std::string muster = std::string(MUSTER_BINARY_DIR) + "/bin/muster ";
  return base::wait_child(base::start_child({.command = {"/bin/sh", "-c", muster + script}, .output = output}), true)
      .value()
      .code;
}

TEST(CommandLine, AnAnswerThatCannotBeWrittenIsNoSuccess) {
  const tests::TemporaryFolder folder;
  for (const char* verb : {"keys", "plan reverse-digits", "rows", "--help", "--version", "plan --help"}) {
    const auto output = folder.path() / "output";
    std::filesystem::remove(output);
    EXPECT_EQ(code_of(std::string(verb) + " > /dev/full", output), 2) << verb;
    EXPECT_NE(base::read_file(output).find("muster: the output could not be written"), std::string::npos) << verb;
    EXPECT_EQ(code_of(std::string(verb) + " > /dev/null", output), 0) << verb;
    EXPECT_EQ(code_of(std::string(verb) + " >&- <&-", output), 0) << verb << ": nobody wants to know";
  }
}

TEST(CommandLine, APathThatTheSystemRefusesIsNoDefect) {
  const tests::TemporaryFolder folder;
  const auto output = folder.path() / "output";
  EXPECT_EQ(code_of("run reverse-digits --run-dir /tmp/" + std::string(300, 'x'), output), 2);
  EXPECT_NE(base::read_file(output).find("File name too long"), std::string::npos) << base::read_file(output);
}

}  // namespace
}  // namespace muster::cli
