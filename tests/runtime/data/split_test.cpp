#include "runtime/data/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/base/error.h"
#include "runtime/base/random.h"

namespace muster::data {
namespace {

using Rows = std::vector<std::int64_t>;

SplitSource source(std::vector<std::uint64_t> prompts) {
  return {.rows = std::ssize(prompts), .prompts = std::move(prompts)};
}

/// `count` prompts, each `times` times, one round after the other.
SplitSource repeated(std::uint64_t count, int times, std::uint64_t first = 1) {
  std::vector<std::uint64_t> prompts;
  for (int round = 0; round < times; ++round)
    for (std::uint64_t prompt = 0; prompt < count; ++prompt) prompts.push_back(first + prompt);
  return source(prompts);
}

std::set<std::uint64_t> prompts_of(const std::vector<SplitSource>& sources, const Split& split) {
  std::set<std::uint64_t> found;
  for (std::size_t s = 0; s < sources.size(); ++s)
    for (const std::int64_t row : split.rows[s]) found.insert(sources[s].prompts[row]);
  return found;
}

std::vector<std::uint64_t> common(const std::set<std::uint64_t>& a, const std::set<std::uint64_t>& b) {
  std::vector<std::uint64_t> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

TEST(Split, WithoutRepeatsHeldOutRowsAreTheFirstOfThePermutationAsEver) {
  const std::vector<SplitSource> sources{repeated(30, 1), {.rows = 10}};
  Rows drawn = base::permutation(base::RandomKey(0, base::Purpose::data_order, ~std::uint64_t{0}), 40);
  drawn.resize(12);
  std::sort(drawn.begin(), drawn.end());
  const Split held_out = split_rows(sources, {.count = 12}, Part::held_out);
  Rows found = held_out.rows[0];
  for (const std::int64_t row : held_out.rows[1]) found.push_back(30 + row);
  EXPECT_EQ(found, drawn);
  const Split train = split_rows(sources, {.count = 12}, Part::train);
  EXPECT_EQ(train.rows[0].size() + train.rows[1].size(), 28u);
  EXPECT_EQ(split_rows(sources, {.share = 0.3}, Part::held_out).rows, held_out.rows);
}

TEST(Split, AProblemThatStandsAHundredTimesIsOnOneSide) {
  const std::vector<SplitSource> sources{repeated(40, 100)};
  const Split train = split_rows(sources, {.count = 10}, Part::train);
  const Split held_out = split_rows(sources, {.count = 10}, Part::held_out);
  EXPECT_EQ(held_out.rows[0].size(), 10u) << "each held-out prompt is asked once";
  EXPECT_EQ(prompts_of(sources, held_out).size(), 10u);
  EXPECT_EQ(train.rows[0].size(), 3000u);
  EXPECT_TRUE(common(prompts_of(sources, train), prompts_of(sources, held_out)).empty());
  EXPECT_EQ(train.trained_rows, 4000);
  EXPECT_EQ(train.prompts, 40);
  EXPECT_EQ(train.most_often, 100);
  EXPECT_EQ(train.repeat_held_out, 990);
}

TEST(Split, TheFirstOfEqualPromptsIsKeptWhereAsked) {
  std::vector<SplitSource> sources{source({5, 6, 5, 7, 6, 0, 0}), source({7, 8, 8})};
  for (SplitSource& each : sources) each.deduplicate = true;
  const Split train = split_rows(sources, {}, Part::train);
  EXPECT_EQ(train.rows, (std::vector<Rows>{{0, 1, 3, 5, 6}, {1}})) << "rows without a prompt are unlike any other";
  EXPECT_EQ(train.left_out, 4);
  sources[0].deduplicate = false;
  EXPECT_EQ(split_rows(sources, {}, Part::train).rows, (std::vector<Rows>{{0, 1, 2, 3, 4, 5, 6}, {0, 1}}));
}

TEST(Split, RowsOfASourceForValidationAreNeverTrainedOn) {
  std::vector<SplitSource> sources{source({1, 2, 3, 2}), source({2, 2, 9})};
  sources[1].validate_only = true;
  EXPECT_EQ(split_rows(sources, {}, Part::train).rows, (std::vector<Rows>{{0, 2}, {}}));
  EXPECT_EQ(split_rows(sources, {}, Part::train).repeat_held_out, 2);
  EXPECT_EQ(split_rows(sources, {}, Part::held_out).rows, (std::vector<Rows>{{}, {0, 1, 2}}))
      << "its own repeats are asked as they stand";
  sources[1].deduplicate = true;
  EXPECT_EQ(split_rows(sources, {}, Part::held_out).rows, (std::vector<Rows>{{}, {0, 2}}));
}

TEST(Split, TheSameFileForBothLeavesNothing) {
  std::vector<SplitSource> sources{repeated(20, 1), repeated(20, 1)};
  sources[1].validate_only = true;
  try {
    split_rows(sources, {}, Part::train);
    FAIL() << "no throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 2);
    EXPECT_NE(std::string(error.what()).find("each of the 20 rows"), std::string::npos) << error.what();
  }
}

TEST(Split, OnePromptHasToStay) {
  EXPECT_THROW(split_rows({repeated(10, 3)}, {.count = 10}, Part::train), Error);
  EXPECT_EQ(split_rows({repeated(10, 3)}, {.count = 9}, Part::train).rows[0].size(), 3u);
  EXPECT_THROW(split_rows({{.rows = 5}}, {.count = 5}, Part::train), Error);
}

TEST(Split, ItDoesNotDependOnWhetherPromptsAreKnownWhereNoneRepeat) {
  for (const Part part : {Part::train, Part::held_out})
    EXPECT_EQ(split_rows({repeated(50, 1)}, {.count = 7}, part).rows,
              split_rows({{.rows = 50}}, {.count = 7}, part).rows);
}

}  // namespace
}  // namespace muster::data
