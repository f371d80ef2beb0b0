#include "runtime/loop/dynamic_sampling.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::loop {
namespace {

GradedSample sample_of(std::int64_t group, std::int64_t index, double right, Outcome outcome = Outcome::graded) {
  const auto token = static_cast<std::int32_t>(group * 10 + index);
  return {.sample = {.group = group,
                     .index = index,
                     .tokens = {token, 7},
                     .logprobs = {-0.5F, -0.25F},
                     .raw_logprobs = {-0.75F, -1.0F},
                     .weight_version = 4},
          .reward = right,
          .parts = {right},
          .outcome = outcome};
}

/// One group of two samples for each pair of rewards; rows are numbered from `row`.
Rollout rollout_of(std::int64_t row, const std::vector<std::pair<double, double>>& rewards) {
  Rollout rollout{.samples_per_prompt = 2};
  for (const auto& [first, second] : rewards) {
    const std::int64_t group = std::ssize(rollout.prompts);
    rollout.prompts.push_back({.row = row + group,
                               .tokens = {1, static_cast<std::int32_t>(row + group)},
                               .text = "3 + 4 = \"\n",
                               .gold = "7",
                               .json = "{\"a\": 1}"});
    rollout.samples.push_back(sample_of(group, 0, first));
    rollout.samples.push_back(sample_of(group, 1, second));
  }
  return rollout;
}

std::vector<std::int64_t> rows_of(const Rollout& rollout) {
  std::vector<std::int64_t> rows;
  for (const StepPrompt& prompt : rollout.prompts) rows.push_back(prompt.row);
  return rows;
}

TEST(GroupPool, KeepsTheGroupsThatDifferInTheirOrder) {
  GroupPool pool;
  EXPECT_EQ(pool.add(rollout_of(10, {{0, 0}, {1, 0}, {1, 1}, {0, 1}}), {}), 2);
  EXPECT_EQ(pool.add(rollout_of(20, {{0, 1}, {1, 1}}), {}), 1);
  ASSERT_EQ(pool.size(), 3);
  const Rollout first = pool.take(2);
  EXPECT_EQ(rows_of(first), (std::vector<std::int64_t>{11, 13}));
  EXPECT_EQ(first.samples_per_prompt, 2);
  ASSERT_EQ(first.samples.size(), 4U);
  for (std::int64_t s = 0; s < 4; ++s) {
    EXPECT_EQ(first.samples[s].sample.group, s / 2) << "groups are numbered anew";
    EXPECT_EQ(first.samples[s].sample.index, s % 2);
  }
  EXPECT_EQ(first.samples[2].sample.tokens.front(), 30) << "with the samples of the prompt";
  EXPECT_EQ(rows_of(pool.take(1)), std::vector<std::int64_t>{20});
  pool.add(rollout_of(30, {{0, 1}}), {});
  EXPECT_EQ(pool.clear(), 1);
  EXPECT_EQ(pool.size(), 0);
}

TEST(RewardsDiffer, WhateverTheLengthTookOffAndAmongWhatWasGraded) {
  std::vector<GradedSample> group{sample_of(0, 0, 1), sample_of(0, 1, 1)};
  group[1].reward = 0.4;  // an answer that was too long
  group[1].shaping = -0.6;
  EXPECT_FALSE(rewards_differ(group, {}));
  group.push_back(sample_of(0, 2, 0, Outcome::timeout));
  EXPECT_FALSE(rewards_differ(group, {}));
  group.push_back(sample_of(0, 3, 0));
  EXPECT_TRUE(rewards_differ(group, {}));
  EXPECT_FALSE(rewards_differ(std::span(group).subspan(2, 1), {})) << "nothing was graded";
}

TEST(GroupPool, WhatIsSavedIsReadBack) {
  GroupPool pool;
  EXPECT_TRUE(parse_surplus(pool.saved(), "surplus.bin").empty());
  pool.add(rollout_of(10, {{0, 1}, {1, 0}}), {});
  const std::string saved = pool.saved();
  std::vector<WaitingGroup> read = parse_surplus(saved, "surplus.bin");
  ASSERT_EQ(read.size(), 2U);
  const StepPrompt was = rollout_of(10, {{0, 1}}).prompts[0], &is = read[0].prompt;
  EXPECT_EQ(is.row, was.row);
  EXPECT_EQ(is.tokens, was.tokens);
  EXPECT_EQ(is.text, was.text);
  EXPECT_EQ(is.gold, was.gold);
  EXPECT_EQ(is.json, was.json);
  EXPECT_EQ(read[1].samples[1].sample.weight_version, 4);
  GroupPool other;
  other.restore(std::move(read));
  EXPECT_EQ(other.saved(), saved);
  EXPECT_EQ(rows_of(other.take(2)), (std::vector<std::int64_t>{10, 11}));
}

TEST(GroupPool, AFileOfWhichAByteChangedIsRefused) {
  GroupPool pool;
  pool.add(rollout_of(10, {{0, 1}}), {});
  const std::string saved = pool.saved();
  for (std::size_t at = 0; at < saved.size(); at += 13) {
    std::string other = saved;
    other[at] = static_cast<char>(other[at] ^ 1);
    EXPECT_THROW(parse_surplus(other, "surplus.bin"), Error) << at;
  }
  EXPECT_THROW(parse_surplus(saved.substr(0, 20), "surplus.bin"), Error);
}

}  // namespace
}  // namespace muster::loop
