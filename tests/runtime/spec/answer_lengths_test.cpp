#include "runtime/spec/answer_lengths.h"

#include <gtest/gtest.h>

#include <map>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "tests/support/temporary_folder.h"

namespace muster::spec {
namespace {

std::string refusal(const std::string& rule) {
  try {
    AnswerLengths::parse(rule, "job.toml:3");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(AnswerLengths, FixedIsAlwaysTheSame) {
  const AnswerLengths lengths = AnswerLengths::parse("fixed:1056", "");
  for (std::int64_t sample = 0; sample < 50; ++sample) EXPECT_EQ(lengths.of(7, 1, 3, sample), 1056);
  EXPECT_EQ(lengths.mean(), 1056);
  EXPECT_EQ(lengths.longest(), 1056);
}

TEST(AnswerLengths, UniformCoversItsRangeEvenly) {
  const AnswerLengths lengths = AnswerLengths::parse("uniform:10-13", "");
  std::map<std::int64_t, int> counts;
  for (std::int64_t sample = 0; sample < 4000; ++sample) ++counts[lengths.of(7, 1, 3, sample)];
  ASSERT_EQ(counts.size(), 4u);
  EXPECT_EQ(counts.begin()->first, 10);
  EXPECT_EQ(counts.rbegin()->first, 13);
  for (const auto& [length, count] : counts) EXPECT_NEAR(count, 1000, 120) << length;
  EXPECT_EQ(lengths.mean(), 11.5);
}

TEST(AnswerLengths, AHistogramIsDrawnByItsCounts) {
  tests::TemporaryFolder folder;
  const auto file = folder.path() / "lengths.txt";
  base::write_file(file, "# tokens answers\n100 3\n\n 400   1  # the rest\n900 0\n");
  const AnswerLengths lengths = AnswerLengths::parse(file.string(), "");
  EXPECT_EQ(lengths.mean(), 175);
  EXPECT_EQ(lengths.longest(), 400);
  int longer = 0;
  for (std::int64_t group = 0; group < 2000; ++group) {
    const std::int64_t length = lengths.of(7, 2, group, 5);
    ASSERT_TRUE(length == 100 || length == 400) << length;
    longer += length == 400 ? 1 : 0;
  }
  EXPECT_NEAR(longer, 500, 80);
}

TEST(AnswerLengths, DependOnSeedStepGroupAndSampleAlone) {
  const AnswerLengths lengths = AnswerLengths::parse("uniform:1-1000000", "");
  const std::int64_t length = lengths.of(7, 1, 3, 4);
  EXPECT_EQ(AnswerLengths::parse("uniform:1-1000000", "").of(7, 1, 3, 4), length);
  EXPECT_NE(lengths.of(8, 1, 3, 4), length);
  EXPECT_NE(lengths.of(7, 2, 3, 4), length);
  EXPECT_NE(lengths.of(7, 1, 4, 4), length);
  EXPECT_NE(lengths.of(7, 1, 3, 5), length);
}

TEST(AnswerLengths, RewardsAreZeroOrOneAsLikely) {
  double sum = 0;
  for (std::int64_t sample = 0; sample < 2000; ++sample) {
    const double reward = random_reward(7, 3, 1, sample);
    ASSERT_TRUE(reward == 0 || reward == 1);
    sum += reward;
  }
  EXPECT_NEAR(sum, 1000, 90);
}

TEST(AnswerLengths, RefusesWhatIsNoLength) {
  EXPECT_NE(refusal("fixed:0").find("job.toml:3: '0' is no length of an answer"), std::string::npos)
      << refusal("fixed:0");
  EXPECT_NE(refusal("fixed:many").find("'many' is no length"), std::string::npos);
  EXPECT_NE(refusal("fixed:12 ").find("is no length"), std::string::npos);
  EXPECT_NE(refusal("uniform:9").find("is no range of lengths"), std::string::npos);
  EXPECT_NE(refusal("uniform:9-3").find("ends before it begins"), std::string::npos);
  EXPECT_NE(refusal("/no/such/file").find("there is no such file"), std::string::npos);
  tests::TemporaryFolder folder;
  const auto file = folder.path() / "lengths.txt";
  base::write_file(file, "100 3\n200\n");
  EXPECT_NE(refusal(file.string()).find("lengths.txt:2: the line is not a length and a count"), std::string::npos);
  base::write_file(file, "# none\n");
  EXPECT_NE(refusal(file.string()).find("counts no answers"), std::string::npos);
}

}  // namespace
}  // namespace muster::spec
