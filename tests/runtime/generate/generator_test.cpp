#include "runtime/generate/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/comm/solo_communicator.h"
#include "tests/runtime/generate/scores.h"
#include "tests/runtime/generate/small_model.h"

namespace muster::generate {
namespace {

constexpr double kTolerance = 1e-5;  // float32 over two orders of summation

std::vector<Sample> generated(const SmallModel& model, const GeneratorOptions& options,
                              std::span<const Request> requests, GenerateFigures* figures = nullptr) {
  const auto pp = comm::make_solo("pp");
  Generator generator(model.decoder, model.tp, *pp, options, at::kFloat, at::kCPU);
  auto samples = generator.generate(requests, 7, 3, {}, {});
  if (figures != nullptr) *figures = generator.figures();
  return samples;
}

void expect_same_samples(const std::vector<Sample>& a, const std::vector<Sample>& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].group, b[i].group);
    ASSERT_EQ(a[i].index, b[i].index);
    ASSERT_EQ(a[i].tokens, b[i].tokens) << what << ": group " << a[i].group << " sample " << a[i].index;
    ASSERT_EQ(a[i].finish, b[i].finish);
    for (std::size_t t = 0; t < a[i].tokens.size(); ++t)
      ASSERT_NEAR(a[i].logprobs[t], b[i].logprobs[t], kTolerance) << what;
  }
}

/// Options that force each way through the scheduler.
std::vector<std::pair<std::string, GeneratorOptions>> ways() {
  const GeneratorOptions roomy = roomy_options();
  std::vector<std::pair<std::string, GeneratorOptions>> result{{"roomy", roomy}};
  result.emplace_back("small pages", roomy).second.page_tokens = 4;
  GeneratorOptions chunked = roomy;
  chunked.max_batch_tokens = 7;
  result.emplace_back("chunked prompts", chunked);
  GeneratorOptions preempted = roomy;
  preempted.page_tokens = 4;
  preempted.num_pages = 30;
  result.emplace_back("preempted", preempted);
  GeneratorOptions few = roomy;
  few.max_running_samples = 3;
  result.emplace_back("three at a time", few);
  GeneratorOptions all = preempted;
  all.max_batch_tokens = 9;
  all.max_running_samples = 5;
  result.emplace_back("all of it", all);
  return result;
}

void expect_trainer_agrees(const spec::ModelFacts& facts, double tolerance = kTolerance) {
  const auto tp = comm::make_solo("tp");
  const SmallModel model(facts, *tp);
  const auto requests = ragged_prompts(6, 5, facts.vocab_size);
  for (const auto& [name, options] : ways()) {
    GenerateFigures figures;
    const auto samples = generated(model, options, requests, &figures);
    ASSERT_EQ(samples.size(), 30U);
    if (name == "preempted") {
      EXPECT_GT(figures.schedule.preemptions, 0);
    }
    double worst = 0;
    for (const Sample& sample : samples) {
      const auto expected = logprobs_of(model, requests[sample.group].prompt, sample, options.sampling.temperature);
      ASSERT_EQ(expected.size(), sample.logprobs.size());
      for (std::size_t t = 0; t < expected.size(); ++t) {
        worst = std::max(worst, std::abs(static_cast<double>(expected[t]) - static_cast<double>(sample.logprobs[t])));
      }
    }
    EXPECT_LT(worst, tolerance) << name;
  }
}

TEST(Generator, LogProbabilitiesEqualAFullForwardOfLlama) { expect_trainer_agrees(small_llama()); }

TEST(Generator, LogProbabilitiesEqualAFullForwardOfQwen3) { expect_trainer_agrees(small_qwen3()); }

TEST(Generator, LogProbabilitiesEqualAFullForwardOfLatentAttention) {
  constexpr double kOfAbsorbedSums = 4e-5;  // of float32 in another order
  expect_trainer_agrees(small_deepseek(), kOfAbsorbedSums);
  spec::ModelFacts facts = small_deepseek();
  facts.q_lora_rank = 0;
  facts.rope_yarn = true;
  facts.rope_factor = 8;
  facts.rope_original_positions = 16;
  facts.rope_mscale = facts.rope_mscale_all_dim = 1;
  expect_trainer_agrees(facts, kOfAbsorbedSums);
}

TEST(Generator, ACacheOfLatentsHasNoValuesBesideThem) {
  const auto tp = comm::make_solo("tp");
  const auto pp = comm::make_solo("pp");
  const SmallModel model(small_deepseek(), *tp);
  const GeneratorOptions options = roomy_options();
  const Generator generator(model.decoder, *tp, *pp, options, at::kFloat, at::kCPU);
  EXPECT_EQ(generator.cache_bytes(), 3 * options.num_pages * options.page_tokens * (12 + 6) * 4);
  EXPECT_EQ(generator.pages().size(), 3);
}

TEST(Generator, SamplesDoNotDependOnBatchPagesPreemptionOrOrder) {
  const auto tp = comm::make_solo("tp");
  const SmallModel model(small_qwen3(), *tp);
  auto requests = ragged_prompts(8, 4, model.facts.vocab_size);
  const auto expected = generated(model, roomy_options(), requests);
  for (const auto& [name, options] : ways()) expect_same_samples(generated(model, options, requests), expected, name);
  std::reverse(requests.begin(), requests.end());
  std::swap(requests[1], requests[4]);
  expect_same_samples(generated(model, roomy_options(), requests), expected, "another order");
  const auto part = generated(model, roomy_options(), std::span(requests).subspan(2, 3));
  for (const Sample& sample : part) {
    const auto found = std::find_if(expected.begin(), expected.end(), [&](const Sample& s) {
      return s.group == sample.group && s.index == sample.index;
    });
    EXPECT_EQ(sample.tokens, found->tokens) << "fewer prompts";
  }
}

TEST(Generator, StopsAtEndTokensAndAtTheLimit) {
  const auto tp = comm::make_solo("tp");
  const SmallModel model(small_llama(), *tp);
  GeneratorOptions options = roomy_options();
  options.stop_tokens = {3, 10, 20, 30, 40, 50};
  const std::set<std::int32_t> stops(options.stop_tokens.begin(), options.stop_tokens.end());
  std::set<Finish> seen;
  for (const Sample& sample : generated(model, options, ragged_prompts(8, 8, 96))) {
    seen.insert(sample.finish);
    for (std::size_t t = 0; t + 1 < sample.tokens.size(); ++t) EXPECT_FALSE(stops.contains(sample.tokens[t]));
    EXPECT_EQ(stops.contains(sample.tokens.back()), sample.finish == Finish::stop);
    if (sample.finish == Finish::length) {
      EXPECT_EQ(sample.tokens.size(), 12U);
    }
    EXPECT_EQ(sample.weight_version, 3);
    EXPECT_EQ(sample.logprobs, sample.raw_logprobs);
  }
  EXPECT_EQ(seen.size(), 2U) << "the test sees both ends";
}

TEST(Generator, TellsEachSampleOnceAndEachPass) {
  const auto tp = comm::make_solo("tp");
  const SmallModel model(small_llama(), *tp);
  const auto pp = comm::make_solo("pp");
  Generator generator(model.decoder, *tp, *pp, roomy_options(), at::kFloat, at::kCPU);
  std::set<std::pair<std::int64_t, std::int64_t>> told;
  std::int64_t passes = 0;
  const auto requests = ragged_prompts(5, 3, 96);
  const auto samples = generator.generate(
      requests, 1, 0,
      [&](const Sample& sample) {
        EXPECT_TRUE(told.insert({sample.group, sample.index}).second);
      },
      [&] { ++passes; });
  EXPECT_EQ(told.size(), samples.size());
  EXPECT_EQ(passes, generator.figures().schedule.passes);
  EXPECT_LE(passes, 12);
  EXPECT_EQ(generator.cache_bytes(), 2 * 2 * 400 * 16 * 2 * 8 * 4);
  EXPECT_TRUE(std::is_sorted(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) {
    return std::pair(a.group, a.index) < std::pair(b.group, b.index);
  }));
}

TEST(Generator, RawLogProbabilitiesAreThoseBeforeTheFilters) {
  const auto tp = comm::make_solo("tp");
  const SmallModel model(small_llama(), *tp);
  GeneratorOptions options = roomy_options();
  options.sampling.top_k = 4;
  const auto requests = ragged_prompts(3, 3, 96);
  for (const Sample& sample : generated(model, options, requests)) {
    const auto expected = logprobs_of(model, requests[sample.group].prompt, sample, options.sampling.temperature);
    for (std::size_t t = 0; t < expected.size(); ++t) {
      EXPECT_NEAR(sample.raw_logprobs[t], expected[t], kTolerance);
      EXPECT_GT(sample.logprobs[t], sample.raw_logprobs[t]);
    }
  }
}

TEST(Generator, GreedyAnswersOfAGroupAreEqual) {
  const auto tp = comm::make_solo("tp");
  const SmallModel model(small_llama(), *tp);
  GeneratorOptions options = roomy_options();
  options.sampling.temperature = 0;
  const auto samples = generated(model, options, ragged_prompts(3, 2, 96));
  for (std::size_t i = 0; i < samples.size(); i += 2) EXPECT_EQ(samples[i].tokens, samples[i + 1].tokens);
}

TEST(Generator, RefusesAPromptThatCannotFitThePages) {
  const auto tp = comm::make_solo("tp");
  const SmallModel model(small_llama(), *tp);
  GeneratorOptions options = roomy_options();
  options.num_pages = 1;
  EXPECT_THROW(generated(model, options, ragged_prompts(3, 2, 96)), Error);
}

TEST(Generator, ItsSecondsHoldThePassesOfPromptsAloneToo) {
  const auto tp = comm::make_solo("tp");
  const SmallModel model(small_qwen3(), *tp);
  GeneratorOptions options{.seed = 5, .max_sequence_tokens = 128, .num_pages = 40, .max_batch_tokens = 1};
  options.sampling.max_new_tokens = 1;
  GenerateFigures figures;
  const std::vector<Request> requests{{.group = 0, .prompt = std::vector<std::int32_t>(120, 4)}};
  const base::Stopwatch watch;
  generated(model, options, requests, &figures);
  // 119 of its 120 passes draw nothing; without them forward_s was a hundredth of the whole.
  EXPECT_GT(figures.forward_s, 0.2 * watch.elapsed_s());
}

}  // namespace
}  // namespace muster::generate
