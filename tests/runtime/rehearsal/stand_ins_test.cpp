#include "runtime/rehearsal/stand_ins.h"

#include <gtest/gtest.h>

namespace muster::rehearsal {
namespace {

TEST(StandIns, AnswersHaveTheLengthsOfTheRuleAsFarAsThereIsRoom) {
  spec::Job job;
  job.grpo.max_sequence_tokens = 16;
  job.sampling.max_new_tokens = 12;
  loop::Rollout rollout{.samples_per_prompt = 2};
  for (const std::size_t tokens : {1, 3, 10})
    rollout.prompts.push_back({.tokens = std::vector<std::int32_t>(tokens, 1)});
  const auto samples = samples_of_all(job, spec::AnswerLengths::parse("fixed:20", "lengths"), rollout, 1, 0);
  ASSERT_EQ(samples.size(), 6u);
  const std::vector<std::size_t> expected{12, 12, 12, 12, 6, 6};
  for (std::size_t s = 0; s < samples.size(); ++s) {
    const generate::Sample& sample = samples[s].sample;
    EXPECT_EQ(sample.group, static_cast<std::int64_t>(s) / 2);
    EXPECT_EQ(sample.index, static_cast<std::int64_t>(s) % 2);
    EXPECT_EQ(sample.tokens.size(), expected[s]);
    EXPECT_EQ(sample.raw_logprobs.size(), expected[s]);
    EXPECT_EQ(samples[s].parts, std::vector<double>{samples[s].reward});
  }
}

TEST(StandIns, LengthsAreThoseOfTheDraw) {
  spec::Job job;
  job.grpo.max_sequence_tokens = 4096;
  loop::Rollout rollout{.samples_per_prompt = 8};
  rollout.prompts.resize(2);
  const auto lengths_of = [&](std::int64_t draw) {
    std::vector<std::size_t> lengths;
    const spec::AnswerLengths rule = spec::AnswerLengths::parse("uniform:10-2000", "lengths");
    for (const loop::GradedSample& one : samples_of_all(job, rule, rollout, draw, 0))
      lengths.push_back(one.sample.tokens.size());
    return lengths;
  };
  EXPECT_EQ(lengths_of(1), lengths_of(1));
  EXPECT_NE(lengths_of(1), lengths_of(2));
}

}  // namespace
}  // namespace muster::rehearsal
