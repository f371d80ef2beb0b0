#include <gtest/gtest.h>

#include "runtime/comm/solo_communicator.h"
#include "runtime/generate/sampler.h"
#include "tests/runtime/generate/small_model.h"
#include "tests/support/run_ranks.h"

namespace muster::generate {
namespace {

void expect_same_as_alone(tests::RankContext& rank, const spec::ModelFacts& facts, const GeneratorOptions& options) {
  const auto requests = ragged_prompts(5, 4, facts.vocab_size);
  const auto solo = comm::make_solo("tp");
  const SmallModel whole(facts, *solo), part(facts, *rank.world);
  Generator alone(whole.decoder, *solo, options, at::kFloat, at::kCPU),
      together(part.decoder, *rank.world, options, at::kFloat, at::kCPU);
  const auto expected = alone.generate(requests, 2, 0, {}, {});
  const auto samples = together.generate(requests, 2, 0, {}, {});
  ASSERT_EQ(samples.size(), expected.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    ASSERT_EQ(samples[i].tokens, expected[i].tokens) << "group " << samples[i].group << " sample " << samples[i].index;
    for (std::size_t t = 0; t < samples[i].tokens.size(); ++t) {
      EXPECT_NEAR(samples[i].logprobs[t], expected[i].logprobs[t], 1e-5);
      EXPECT_NEAR(samples[i].raw_logprobs[t], expected[i].raw_logprobs[t], 1e-5);
    }
  }
}

TEST(GeneratorRanks, TwoTensorRanksSampleWhatOneSamples) {
  tests::run_ranks(2, [](tests::RankContext& rank) {
    GeneratorOptions options = roomy_options();
    expect_same_as_alone(rank, small_qwen3(), options);
    options.page_tokens = 4;
    options.num_pages = 30;
    options.max_batch_tokens = 11;
    expect_same_as_alone(rank, small_llama(), options);
    options.sampling.top_k = 20;
    options.sampling.top_p = 0.9;
    expect_same_as_alone(rank, small_llama(), options);
    options.sampling.temperature = 0;
    expect_same_as_alone(rank, small_llama(), options);
  });
}

TEST(GeneratorRanks, KeyValueHeadsMayBeFewerThanRanks) {
  tests::run_ranks(4, [](tests::RankContext& rank) { expect_same_as_alone(rank, small_llama(), roomy_options()); });
}

/// Each replica generates its part of the requests, and all of them what one rank would: of `num_groups` some replicas
/// get none.
void expect_same_with_experts(tests::RankContext& rank, const spec::Degrees& degrees, std::int64_t num_groups) {
  const spec::ModelFacts facts = small_qwen3_moe();
  const auto requests = ragged_prompts(num_groups, 3, facts.vocab_size);
  const auto solo = comm::make_solo("tp");
  const SmallModel whole(facts, *solo);
  GeneratorOptions options = roomy_options();
  options.max_batch_tokens = 37;
  Generator alone(whole.decoder, *solo, options, at::kFloat, at::kCPU);
  const auto expected = alone.generate(requests, 2, 0, {}, {});
  parallel::Mesh mesh(std::move(rank.world), degrees, "generate", true);
  const SmallModel part(facts, mesh);
  Generator together(part.decoder, mesh.tp(), options, at::kFloat, at::kCPU);
  const spec::Range mine = spec::part_of(num_groups, degrees.dp, mesh.coordinates().dp);
  for (int round = 0; round < 2; ++round) {
    const auto samples = together.generate(
        std::span(requests).subspan(static_cast<std::size_t>(mine.begin), static_cast<std::size_t>(mine.size())), 2, 0,
        {}, {});
    ASSERT_EQ(std::ssize(samples), 3 * mine.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const Sample& one = expected[static_cast<std::size_t>(3 * mine.begin) + i];
      ASSERT_EQ(samples[i].tokens, one.tokens) << "group " << samples[i].group << " sample " << samples[i].index;
      for (std::size_t t = 0; t < one.tokens.size(); ++t) EXPECT_NEAR(samples[i].logprobs[t], one.logprobs[t], 1e-5);
    }
  }
  mesh.close();
}

TEST(GeneratorRanks, ExpertsThatAreCutOverTensorRanksSampleWhatOneRankSamples) {
  tests::run_ranks(2, [](tests::RankContext& rank) { expect_same_with_experts(rank, {.tp = 2, .etp = 2}, 5); });
}

TEST(GeneratorRanks, ReplicasThatShareExpertsPassInLockstep) {
  tests::run_ranks(2, [](tests::RankContext& rank) { expect_same_with_experts(rank, {.ep = 2, .dp = 2}, 5); });
  tests::run_ranks(4, [](tests::RankContext& rank) { expect_same_with_experts(rank, {.ep = 2, .dp = 4}, 3); });
}

TEST(GeneratorRanks, ReplicasOfTwoTensorRanksShareExperts) {
  tests::run_ranks(4, [](tests::RankContext& rank) { expect_same_with_experts(rank, {.tp = 2, .ep = 4, .dp = 2}, 1); });
}

/// Logits of a vocabulary that the ranks cannot cut evenly (in parts of 4, 3 and 3).
TEST(GeneratorRanks, UnevenPartsOfTheVocabularyAreOneVocabulary) {
  tests::run_ranks(3, [](tests::RankContext& rank) {
    const at::Tensor logits_RV = at::arange(40).reshape({4, 10}).to(at::kFloat).sin() * 3;
    const spec::Range range = spec::part_of(10, 3, rank.rank);
    std::vector<SampleSlot> slots;
    for (std::int64_t i = 0; i < 400; ++i) slots.push_back({.row = i / 100, .group = 1, .sample = i});
    const auto solo = comm::make_solo("tp");
    for (const spec::SamplingJob& sampling : {spec::SamplingJob{.temperature = 0.9}, spec::SamplingJob{.top_p = 0.8}}) {
      const Sampler whole(sampling, 3, {0, 10}, 10), part(sampling, 3, range, 10);
      std::vector<SampledToken> expected, drawn;
      whole.draw(*solo, logits_RV, slots, 1, expected);
      part.draw(*rank.world, logits_RV.narrow(1, range.begin, range.size()), slots, 1, drawn);
      for (std::size_t i = 0; i < slots.size(); ++i) {
        ASSERT_EQ(drawn[i].token, expected[i].token);
        ASSERT_NEAR(drawn[i].logprob, expected[i].logprob, 1e-6);
        ASSERT_NEAR(drawn[i].raw_logprob, expected[i].raw_logprob, 1e-6);
      }
    }
  });
}

}  // namespace
}  // namespace muster::generate
