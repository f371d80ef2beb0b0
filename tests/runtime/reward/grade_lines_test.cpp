#include "runtime/reward/grade_lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "runtime/base/error.h"
#include "runtime/base/files.h"

namespace muster::reward {
namespace {

class GradeLines : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string graded(const std::string& kind, const std::string& lines, const WorkerLimits& limits = {}) {
    std::ofstream(folder_ / "in.jsonl") << lines;
    grade_lines(kind, folder_ / "in.jsonl", folder_ / "out.jsonl", limits);
    return base::read_file(folder_ / "out.jsonl");
  }
  std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("grade_lines_" + std::to_string(::getpid()));
};

TEST_F(GradeLines, EachLineHasItsRewardAndOutcome) {
  EXPECT_EQ(graded("math", R"({"id":"a","gold":"$\\frac{1}{2}$","answer":"so 0.5"})"
                           "\n"
                           R"({"id":2,"gold":"0.333","answer":"$\\frac{1}{3}$","precision":3})"
                           "\n"
                           R"({"id":3,"gold":"0.333","answer":"$\\frac{1}{3}$","settings":{"precision":4}})"
                           "\n"),
            R"({"id":"a","reward":1.0,"outcome":"graded"})"
            "\n"
            R"({"id":2,"reward":1.0,"outcome":"graded"})"
            "\n"
            R"({"id":3,"reward":0.0,"outcome":"graded"})"
            "\n");
  const std::string with_pattern = R"~({"gold":"7","answer":"x: 7;","pattern":"x: (\\d)"})~";
  EXPECT_EQ(graded("regex", with_pattern), "{\"reward\":1.0,\"outcome\":\"graded\"}\n");
}

TEST_F(GradeLines, BadLinesAreNamedAndTheOthersGraded) {
  try {
    graded("exact",
           "{\"id\":1,\"gold\":\"a\"}\n{\"id\":2,\"gold\":\"a\",\"answer\":\"a\"}\n{\"id\":3,\"gold\":\"a\",\"answer\":"
           "\"a\",\"trim\":7}\nnonsense\n");
    FAIL();
  } catch (const Error& error) {
    const std::string what = error.what();
    for (const char* part : {"in.jsonl:1", "'answer' is missing", "in.jsonl:3", "'trim' cannot be 7", "in.jsonl:4"})
      EXPECT_NE(what.find(part), std::string::npos) << part << " in " << what;
  }
  EXPECT_EQ(base::read_file(folder_ / "out.jsonl"), "{\"id\":2,\"reward\":1.0,\"outcome\":\"graded\"}\n");
  EXPECT_THROW(graded("vibes", ""), Error);
}

TEST_F(GradeLines, AnAnswerThatKillsItsGraderIsFailed) {
  const WorkerLimits limits{.timeout_s = 0.3, .max_memory_gb = 0.2};
  const std::string nul = R"({"gold":"7","answer":"\u0000 $7$ \u0000"})";
  EXPECT_EQ(graded("math", nul, limits), "{\"reward\":1.0,\"outcome\":\"graded\"}\n");
  std::string deep(2'000'000, '{'), towers;
  for (int i = 0; i < 2000; ++i) towers += "9^{";
  const std::string out =
      graded("math",
             "{\"gold\":\"7\",\"answer\":\"\\\\boxed{" + deep + "}\"}\n{\"gold\":\"7\",\"answer\":\"$" + towers +
                 std::string(2000, '}') + "$\"}\n{\"gold\":\"7\",\"answer\":\"7\"}\n",
             limits);
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 3);
  EXPECT_TRUE(out.ends_with("{\"reward\":1.0,\"outcome\":\"graded\"}\n")) << out;
}

}  // namespace
}  // namespace muster::reward
