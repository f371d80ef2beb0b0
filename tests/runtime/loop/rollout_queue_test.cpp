#include "runtime/loop/rollout_queue.h"

#include <gtest/gtest.h>

#include "runtime/base/error.h"

namespace muster::loop {
namespace {

GradedSample sample_of(std::int64_t group, std::int64_t index, std::int32_t token) {
  return {.sample = {.group = group,
                     .index = index,
                     .tokens = {token, token + 1},
                     .logprobs = {-0.5F, -0.25F},
                     .raw_logprobs = {-0.75F, -1.0F},
                     .finish = generate::Finish::length,
                     .weight_version = 4,
                     .changes = {{.position = 1, .version = 5}}},
          .reward = 0.5,
          .parts = {0.25, 2},
          .shaping = -0.125,
          .outcome = Outcome::timeout,
          .note = "too slow"};
}

QueuedRollout rollout_of(std::int64_t step) {
  QueuedRollout queued{
      .step = step, .rollout = {.samples_per_prompt = 2}, .before = {.epoch = 1, .position = step * 10}};
  queued.rollout.prompts.resize(1);
  const auto token = static_cast<std::int32_t>(step * 100);
  queued.rollout.samples = {sample_of(0, 0, token), sample_of(0, 1, token + 7)};
  return queued;
}

TEST(RolloutQueue, GivesStepsBackInTheirOrder) {
  RolloutQueue queue;
  EXPECT_EQ(queue.cursor({.epoch = 5, .position = 6}), (data::Cursor{.epoch = 5, .position = 6})) << "nothing waits";
  queue.push(rollout_of(3));
  queue.push(rollout_of(4));
  EXPECT_EQ(queue.size(), 2);
  EXPECT_EQ(queue.cursor({.epoch = 5, .position = 6}), (data::Cursor{.epoch = 1, .position = 30}))
      << "the prompts of all that waits are drawn again";
  EXPECT_EQ(queue.take(3).rollout.samples[1].sample.tokens.front(), 307);
  EXPECT_EQ(queue.take(4).before.position, 40);
  EXPECT_EQ(queue.size(), 0);
}

TEST(RolloutQueue, WhatIsSavedIsReadBackSampleBySample) {
  RolloutQueue queue;
  EXPECT_TRUE(parse_queue(queue.saved(), "rollouts.bin").empty());
  queue.push(rollout_of(3));
  queue.push(rollout_of(4));
  const std::vector<QueuedSamples> read = parse_queue(queue.saved(), "rollouts.bin");
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].step, 3);
  EXPECT_EQ(read[1].step, 4);
  ASSERT_EQ(read[1].samples.size(), 2u);
  const GradedSample was = rollout_of(4).rollout.samples[1], &is = read[1].samples[1];
  EXPECT_EQ(is.sample.tokens, was.sample.tokens);
  EXPECT_EQ(is.sample.logprobs, was.sample.logprobs);
  EXPECT_EQ(is.sample.raw_logprobs, was.sample.raw_logprobs);
  EXPECT_EQ(is.sample.finish, was.sample.finish);
  EXPECT_EQ(is.sample.weight_version, 4);
  ASSERT_EQ(is.sample.changes.size(), 1u);
  EXPECT_EQ(is.sample.changes[0].position, 1);
  EXPECT_EQ(is.sample.changes[0].version, 5);
  EXPECT_EQ(is.reward, was.reward);
  EXPECT_EQ(is.parts, was.parts);
  EXPECT_EQ(is.shaping, was.shaping);
  EXPECT_EQ(is.outcome, was.outcome);
  EXPECT_EQ(is.note, was.note);
}

TEST(RolloutQueue, CountsTheBytesThatItWouldSave) {
  RolloutQueue queue;
  queue.push(rollout_of(3));
  EXPECT_EQ(queue.sample_bytes(), std::ssize(pack_samples(rollout_of(3).rollout.samples)));
}

TEST(RolloutQueue, OneByteThatChangedIsRefused) {
  RolloutQueue queue;
  queue.push(rollout_of(3));
  const std::string saved = queue.saved();
  for (const std::size_t at : {std::size_t{0}, std::size_t{64}, saved.size() / 2, saved.size() - 1}) {
    std::string other = saved;
    other[at] = static_cast<char>(other[at] ^ 1);
    EXPECT_THROW(parse_queue(other, "rollouts.bin"), Error) << at;
  }
  for (const std::size_t length : {std::size_t{0}, std::size_t{10}, saved.size() - 1})
    EXPECT_THROW(parse_queue(saved.substr(0, length), "rollouts.bin"), Error) << length;
}

TEST(RolloutQueue, OnlyAsyncWithAnAgeIsOffPolicy) {
  spec::Job job;
  EXPECT_FALSE(is_off_policy(job));
  job.async.enabled = true;
  EXPECT_TRUE(is_off_policy(job));
  job.async.max_staleness = 0;
  EXPECT_FALSE(is_off_policy(job));
}

}  // namespace
}  // namespace muster::loop
