// Seconds from counts, against values worked out by hand, and what must never become slower.
#include "launcher/estimate/seconds.h"

#include <gtest/gtest.h>

#include <numeric>

namespace muster::estimate {
namespace {

/// One GPU of 1 TB/s and 100 TFLOP/s; all efficiencies 1, all constant parts 0.
Coefficients ideal() {
  Coefficients c;
  c.decode_bandwidth_share = c.compute_share = c.link_share = c.decode_far_factor = 1;
  c.decode_layer_us = c.decode_sample_us = c.layer_pass_ms = c.expert_pass_ms = c.fixed_s = c.sample_ms = 0;
  c.move_gb_per_s = 10;
  return c;
}

StepCounts small_counts() {
  StepCounts counts;
  counts.samples = 8;
  counts.gpus = counts.train_ranks = counts.updates = 1;
  counts.memory_bytes_per_s = 1e12;
  counts.train_peak_flops_per_s = 1e14;
  counts.lengths = {.prompt_tokens = 100, .mean_tokens = 200, .most_tokens = 1000};
  counts.decode = {.samples = 8, .running = 8, .layers = 10, .dense_bytes = 1e10, .cache_bytes = 1e5, .flops = 1e10};
  counts.decode.peak_flops_per_s = 1e14;
  counts.train = {.micro_batches = 4, .idle_share = 0, .tp_s = 0, .ep_s = 0, .layers = 10, .expert_layers = 0};
  counts.score = counts.train;
  counts.scoring_passes = 1;
  counts.token_flops = 3e10;
  counts.refit_bytes = 2e10;
  return counts;
}

TEST(DecodePass, ReadsWeightsAndCacheAndMultipliesEachToken) {
  // 10 GB + 8 x 300 tokens x 100 kB = 10.24 GB at 1 TB/s; 8 x 10 GFLOP at 100 TFLOP/s.
  EXPECT_NEAR(decode_pass_s(small_counts(), ideal(), 8, 300), 0.01024 + 0.0008, 1e-9);
}

TEST(DecodePass, ReadsOnlyTheExpertsThatAreChosen) {
  StepCounts counts = small_counts();
  counts.decode.expert_bytes = 8e9;
  counts.decode.chosen_share = 0.25;
  const double without = decode_pass_s(small_counts(), ideal(), 1, 0);
  EXPECT_NEAR(decode_pass_s(counts, ideal(), 1, 0) - without, 0.25 * 8e-3, 1e-9);
  const double two = decode_pass_s(small_counts(), ideal(), 2, 0);
  EXPECT_NEAR(decode_pass_s(counts, ideal(), 2, 0) - two, (1 - 0.75 * 0.75) * 8e-3, 1e-9);
}

TEST(StepSecondsOf, AddUpTheirPhasesAsWorkedOutByHand) {
  const StepSeconds s = step_seconds(small_counts(), ideal());
  // 8 samples of 300 tokens x 30 GFLOP, forward a third of it, at 100 TFLOP/s.
  EXPECT_NEAR(s.train_s, 8 * 300 * 3e10 / 1e14, 1e-3);
  EXPECT_NEAR(s.score_s, s.train_s / 3, 1e-9);
  EXPECT_NEAR(s.refit_s, 2, 1e-9);
  EXPECT_NEAR(s.step_s, s.prefill_s + s.decode_s + s.score_s + s.train_s + s.refit_s, 1e-9);
}

TEST(StepSecondsOf, AnIdlePipelineStretchesItsWork) {
  StepCounts counts = small_counts();
  counts.train.idle_share = 0.5;
  EXPECT_NEAR(step_seconds(counts, ideal()).train_s, 2 * step_seconds(small_counts(), ideal()).train_s, 1e-9);
}

TEST(StepSecondsOf, AnAsynchronousStepIsAsLongAsItsSlowerRole) {
  StepCounts counts = small_counts();
  counts.is_async = true;
  const StepSeconds s = step_seconds(counts, ideal());
  EXPECT_NEAR(s.step_s, std::max(s.prefill_s + s.decode_s, s.score_s + s.train_s) + s.refit_s, 1e-9);
}

TEST(StepSecondsOf, ALongTailIsWaitedFor) {
  Coefficients narrow = ideal(), wide = ideal();
  narrow.length_spread = 0.1;
  wide.length_spread = 1;
  EXPECT_GT(step_seconds(small_counts(), wide).decode_s, 1.5 * step_seconds(small_counts(), narrow).decode_s);
}

TEST(StepSecondsOf, NothingGetsSlowerByBetterMachines) {
  StepCounts better = small_counts();
  better.train.tp_s = better.train.ep_s = 3;
  const double before = step_seconds(better, Coefficients{}).step_s;
  const auto improved = [&](auto change) {
    StepCounts changed = better;
    change(changed);
    return step_seconds(changed, Coefficients{}).step_s;
  };
  EXPECT_LT(improved([](StepCounts& c) { c.memory_bytes_per_s *= 2; }), before);
  EXPECT_LT(improved([](StepCounts& c) { c.train_peak_flops_per_s *= 2; }), before);
  EXPECT_LT(improved([](StepCounts& c) { c.decode.peak_flops_per_s *= 2; }), before);
  EXPECT_LT(improved([](StepCounts& c) { c.train.tp_s /= 2; }), before);
  EXPECT_LT(improved([](StepCounts& c) { c.train.ep_s /= 2; }), before);
}

TEST(AnswerLengthsOf, HaveTheMeanAndNeverPassTheLongest) {
  for (const double mean : {50.0, 500.0, 900.0}) {
    const std::vector<double> values = answer_lengths({.mean_tokens = mean, .most_tokens = 1000}, 0.8);
    EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()), mean,
                0.01 * mean);
    EXPECT_LE(values.back(), 1000);
    EXPECT_LT(values.front(), values.back());
  }
}

}  // namespace
}  // namespace muster::estimate
