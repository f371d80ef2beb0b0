// Samples of several steps at once, and new weights between two passes of them.
#include <algorithm>
#include <map>
#include <utility>

#include "runtime/comm/solo_communicator.h"
#include "tests/runtime/generate/updates.h"

namespace muster::generate {
namespace {

constexpr double kTolerance = 2e-5;  // float32 over two orders of summation, log-probabilities down to -10
constexpr std::int64_t kSteps = 4;

/// Steps 1 .. num_steps, each with these requests, of which two run at once: as each step ends or after a few passes,
/// new weights come (the same ones, unless `changes`). The samples by step.
std::map<std::int64_t, std::vector<Sample>> in_flight(Generator& generator, SmallModel& model,
                                                      const std::vector<Request>& requests, std::int64_t num_steps,
                                                      bool changes, bool recompute_kv) {
  std::map<std::int64_t, std::vector<Sample>> samples;
  generator.add(requests, 1);
  for (std::int64_t step = 1; step <= num_steps; ++step) {
    if (step < num_steps) generator.add(requests, step + 1);
    generator.set_weight_version(step - 1, recompute_kv);
    if (changes) set_weights(model, step - 1);
    const IsCalled has_ended = [&] { return generator.has_ended(step); };
    generator.run_until(has_ended, {}, {});
    samples[step] = generator.take(step);
    generator.run_until(after(step % 3), {}, {});
  }
  return samples;
}

/// Options that force each way through the scheduler.
std::vector<std::pair<std::string, GeneratorOptions>> ways() {
  std::vector<std::pair<std::string, GeneratorOptions>> result{{"roomy", roomy_options()}};
  GeneratorOptions chunked = roomy_options();
  chunked.max_batch_tokens = 7;
  result.emplace_back("chunked prompts", chunked);
  GeneratorOptions all = roomy_options();
  all.page_tokens = 4;
  all.num_pages = 30;
  all.max_batch_tokens = 9;
  all.max_running_samples = 5;
  result.emplace_back("few pages and samples", all);
  return result;
}

TEST(Updates, OfTheSameWeightsLeaveTheSamplesAsTheyAreStepByStep) {
  const auto solo = comm::make_solo("solo");
  SmallModel model(small_qwen3(), *solo);
  const auto requests = ragged_prompts(6, 4, model.facts.vocab_size);
  for (const bool recompute_kv : {false, true}) {
    for (const auto& [name, options] : ways()) {
      SCOPED_TRACE(name);
      Generator flying(model.decoder, *solo, *solo, options, at::kFloat, at::kCPU),
          stepping(model.decoder, *solo, *solo, options, at::kFloat, at::kCPU);
      const auto samples = in_flight(flying, model, requests, kSteps, false, recompute_kv);
      bool any_mixed = false;
      for (std::int64_t step = 1; step <= kSteps; ++step) {
        const std::vector<Sample> expected = stepping.generate(requests, step, 0, {}, {});
        ASSERT_EQ(samples.at(step).size(), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
          const Sample& sample = samples.at(step)[i];
          ASSERT_EQ(sample.tokens, expected[i].tokens) << "step " << step << " sample " << i;
          EXPECT_EQ(sample.step, step);
          any_mixed = any_mixed || !sample.changes.empty();
          for (std::size_t t = 0; t < sample.tokens.size(); ++t)
            ASSERT_NEAR(sample.logprobs[t], expected[i].logprobs[t], kTolerance);
        }
        expect_versions_in_order(samples.at(step));
      }
      EXPECT_TRUE(any_mixed);
    }
  }
}

TEST(Updates, WithKeysComputedAgainEachTokenIsOfTheWeightsThatItNames) {
  const auto solo = comm::make_solo("solo");
  for (const spec::ModelFacts& facts : {small_llama(), small_qwen3()}) {
    SmallModel model(facts, *solo), whole(facts, *solo);
    const auto requests = ragged_prompts(6, 4, facts.vocab_size);
    for (const auto& [name, options] : ways()) {
      SCOPED_TRACE(name);
      set_weights(model, 0);
      Generator generator(model.decoder, *solo, *solo, options, at::kFloat, at::kCPU);
      for (const auto& [step, samples] : in_flight(generator, model, requests, kSteps, true, true)) {
        expect_versions_in_order(samples);
        EXPECT_LT(largest_difference(whole, requests, samples, options.sampling.temperature, kSteps), kTolerance);
      }
    }
  }
}

TEST(Updates, WithKeysKeptTheFirstTokensAreOfTheirWeightsAndLaterOnesOfBoth) {
  const auto solo = comm::make_solo("solo");
  SmallModel model(small_qwen3(), *solo), whole(small_qwen3(), *solo);
  const auto requests = ragged_prompts(6, 4, model.facts.vocab_size);
  set_weights(model, 0);
  Generator generator(model.decoder, *solo, *solo, roomy_options(), at::kFloat, at::kCPU);
  double of_mixed = 0;
  for (const auto& [step, samples] : in_flight(generator, model, requests, kSteps, true, false)) {
    expect_versions_in_order(samples);
    std::vector<Sample> of_one, mixed;
    for (const Sample& sample : samples) (sample.changes.empty() ? of_one : mixed).push_back(sample);
    EXPECT_LT(largest_difference(whole, requests, of_one, 0.8, kSteps), kTolerance) << "step " << step;
    of_mixed = std::max(of_mixed, largest_difference(whole, requests, mixed, 0.8, kSteps));
  }
  EXPECT_GT(of_mixed, 1e-3) << "keys of older weights make other log-probabilities";
}

TEST(Updates, WhatIsGeneratedBetweenThemTakesThePagesAndGivesThemBack) {
  const auto solo = comm::make_solo("solo");
  SmallModel model(small_llama(), *solo);
  const auto requests = ragged_prompts(5, 3, model.facts.vocab_size);
  GeneratorOptions options = roomy_options();
  options.page_tokens = 4;
  options.num_pages = 40;
  Generator generator(model.decoder, *solo, *solo, options, at::kFloat, at::kCPU);
  const std::vector<Sample> expected = generator.generate(requests, 9, 0, {}, {});
  generator.add(requests, 9);
  generator.run_until(after(4), {}, {});
  ASSERT_FALSE(generator.has_ended(9));
  const std::vector<Sample> between = generator.generate(requests, 9, 0, {}, {});
  generator.run_until({}, {}, {});
  const std::vector<Sample> after_it = generator.take(9);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(between[i].tokens, expected[i].tokens);
    EXPECT_EQ(after_it[i].tokens, expected[i].tokens);
  }
}

}  // namespace
}  // namespace muster::generate
