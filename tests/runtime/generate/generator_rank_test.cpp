#include <gtest/gtest.h>

#include "runtime/comm/solo_communicator.h"
#include "runtime/generate/sampler.h"
#include "tests/runtime/generate/small_model.h"
#include "tests/runtime/generate/updates.h"
#include "tests/support/run_ranks.h"

namespace muster::generate {
namespace {

void expect_same_as_alone(tests::RankContext& rank, const spec::ModelFacts& facts, const GeneratorOptions& options) {
  const auto requests = ragged_prompts(5, 4, facts.vocab_size);
  const auto solo = comm::make_solo("tp");
  const SmallModel whole(facts, *solo), part(facts, *rank.world);
  Generator alone(whole.decoder, *solo, *solo, options, at::kFloat, at::kCPU),
      together(part.decoder, *rank.world, *solo, options, at::kFloat, at::kCPU);
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
void expect_same_with_experts(tests::RankContext& rank, const spec::Degrees& degrees, std::int64_t num_groups,
                              spec::ModelFacts facts = small_qwen3_moe()) {
  facts.num_layers = 4;
  const auto requests = ragged_prompts(num_groups, 3, facts.vocab_size);
  const auto solo = comm::make_solo("tp");
  const SmallModel whole(facts, *solo);
  GeneratorOptions options = roomy_options();
  options.max_batch_tokens = 37;
  Generator alone(whole.decoder, *solo, *solo, options, at::kFloat, at::kCPU);
  const auto expected = alone.generate(requests, 2, 0, {}, {});
  parallel::Mesh mesh(std::move(rank.world), degrees, "generate", true);
  const SmallModel part(facts, mesh);
  Generator together(part.decoder, mesh.tp(), mesh.pp(), options, at::kFloat, at::kCPU);
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

TEST(GeneratorRanks, LatentAttentionCutOverTensorRanksSamplesWhatOneRankSamples) {
  tests::run_ranks(
      4, [](tests::RankContext& rank) { expect_same_with_experts(rank, {.tp = 4, .etp = 4}, 5, small_deepseek()); });
}

TEST(GeneratorRanks, LatentAttentionWithDealtOutExpertsSamplesWhatOneRankSamples) {
  tests::run_ranks(4, [](tests::RankContext& rank) {
    expect_same_with_experts(rank, {.tp = 2, .ep = 4, .dp = 2}, 5, small_deepseek());
  });
}

TEST(GeneratorRanks, LatentAttentionOverTheStagesOfAPipelineSamplesWhatOneRankSamples) {
  tests::run_ranks(4, [](tests::RankContext& rank) {
    expect_same_with_experts(rank, {.tp = 2, .etp = 2, .pp = 2}, 5, small_deepseek());
  });
}

TEST(GeneratorRanks, ExpertsThatAreCutOverTensorRanksSampleWhatOneRankSamples) {
  tests::run_ranks(2, [](tests::RankContext& rank) { expect_same_with_experts(rank, {.tp = 2, .etp = 2}, 5); });
}

TEST(GeneratorRanks, ReplicasThatShareExpertsPassInLockstep) {
  tests::run_ranks(2, [](tests::RankContext& rank) { expect_same_with_experts(rank, {.ep = 2, .dp = 2}, 5); });
  tests::run_ranks(4, [](tests::RankContext& rank) { expect_same_with_experts(rank, {.ep = 2, .dp = 4}, 3); });
}

TEST(GeneratorRanks, StagesOfCutWeightsAndOfReplicasSampleWhatOneRankSamples) {
  tests::run_ranks(4,
                   [](tests::RankContext& rank) { expect_same_with_experts(rank, {.tp = 2, .etp = 2, .pp = 2}, 5); });
}

TEST(GeneratorRanks, ReplicasOfStagesThatShareExpertsPassInLockstep) {
  tests::run_ranks(4, [](tests::RankContext& rank) { expect_same_with_experts(rank, {.ep = 2, .dp = 2, .pp = 2}, 5); });
  tests::run_ranks(4, [](tests::RankContext& rank) { expect_same_with_experts(rank, {.ep = 2, .dp = 2, .pp = 2}, 1); });
}

TEST(GeneratorRanks, ReplicasOfTwoTensorRanksShareExperts) {
  tests::run_ranks(4, [](tests::RankContext& rank) { expect_same_with_experts(rank, {.tp = 2, .ep = 4, .dp = 2}, 1); });
}

/// What one rank samples of each slot's requests alone, with the slot's part of pages and running samples: passes have
/// the very same rows, so every bit is the same.
std::vector<Sample> slot_by_slot(const SmallModel& whole, const GeneratorOptions& options,
                                 const std::vector<Request>& requests, std::int64_t num_slots) {
  const auto solo = comm::make_solo("solo");
  std::vector<Sample> all;
  for (std::int64_t slot = 0; slot < num_slots; ++slot) {
    GeneratorOptions own = options;
    own.num_pages = spec::part_of(options.num_pages, num_slots, slot).size();
    own.max_running_samples = spec::part_of(options.max_running_samples, num_slots, slot).size();
    const spec::Range mine = spec::part_of(std::ssize(requests), num_slots, slot);
    Generator alone(whole.decoder, *solo, *solo, own, at::kFloat, at::kCPU);
    for (Sample& sample : alone.generate(
             std::span(requests).subspan(static_cast<std::size_t>(mine.begin), static_cast<std::size_t>(mine.size())),
             2, 0, {}, {}))
      all.push_back(std::move(sample));
  }
  return all;
}

/// Roomy; chunks of prompts, few pages and few samples at once; filters.
std::vector<GeneratorOptions> ways_through_stages() {
  std::vector<GeneratorOptions> ways(5, roomy_options());
  ways[1].page_tokens = 4;
  ways[1].num_pages = 36;
  ways[1].max_batch_tokens = 9;
  ways[4].max_running_samples = 6;
  ways[2].sampling.top_k = 20;
  ways[2].sampling.top_p = 0.9;
  ways[3].sampling.temperature = 0;
  return ways;
}

/// Stages of whole ranks against one rank: tokens and both log-probabilities, bit for bit; and each rank has them all.
void expect_same_through_stages(tests::RankContext& rank, const spec::ModelFacts& facts, std::int64_t num_groups) {
  const spec::Degrees degrees{.pp = rank.world->size()};
  parallel::Mesh mesh(std::move(rank.world), degrees, "generate", facts.num_experts > 0);
  const auto solo = comm::make_solo("tp");
  const SmallModel whole(facts, *solo), part(facts, mesh);
  const auto requests = ragged_prompts(num_groups, 4, facts.vocab_size);
  for (const GeneratorOptions& options : ways_through_stages()) {
    Generator together(part.decoder, mesh.tp(), mesh.pp(), options, at::kFloat, at::kCPU);
    const std::int64_t slots = std::min(num_groups, degrees.pp);
    const auto expected = slot_by_slot(whole, options, requests, slots);
    std::int64_t told = 0;
    const auto samples = together.generate(requests, 2, 0, [&](const Sample&) { ++told; }, {});
    ASSERT_EQ(samples.size(), expected.size());
    EXPECT_EQ(told, std::ssize(samples));
    for (std::size_t i = 0; i < samples.size(); ++i) {
      ASSERT_EQ(samples[i].tokens, expected[i].tokens)
          << "group " << samples[i].group << " sample " << samples[i].index;
      ASSERT_EQ(samples[i].logprobs, expected[i].logprobs);
      ASSERT_EQ(samples[i].raw_logprobs, expected[i].raw_logprobs);
      ASSERT_EQ(samples[i].finish, expected[i].finish);
    }
    if (options.num_pages == 36 && num_groups > degrees.pp) {
      EXPECT_GT(together.figures().schedule.preemptions, 0);
    }
    const std::int64_t layers = spec::layers_of(degrees, facts.num_layers, mesh.coordinates().pp).size();
    EXPECT_EQ(together.cache_bytes(),
              options.num_pages * options.page_tokens * 2 * facts.num_kv_heads * facts.head_dim * 4 * layers)
        << "a stage has pages of its own layers";
  }
  mesh.close();
}

TEST(GeneratorRanks, StagesSampleBitForBitWhatOneRankSamples) {
  tests::run_ranks(2, [](tests::RankContext& rank) { expect_same_through_stages(rank, small_llama(), 7); });
  tests::run_ranks(3, [](tests::RankContext& rank) { expect_same_through_stages(rank, small_qwen3(), 7); });
}

TEST(GeneratorRanks, StagesWaitWhereThereAreFewerPromptsThanStages) {
  tests::run_ranks(3, [](tests::RankContext& rank) { expect_same_through_stages(rank, small_qwen3(), 2); });
}

/// Logits of a vocabulary that the ranks cannot cut evenly (in parts of 4, 3 and 3).
/// New weights at boundaries that one rank calls out: all ranks that pass together stop at the same one, and each
/// token is of the weights that it names.
void expect_updates_together(tests::RankContext& rank, const spec::Degrees& degrees, spec::ModelFacts facts) {
  constexpr std::int64_t kSteps = 3;
  facts.num_layers = 4;
  const auto requests = ragged_prompts(5, 3, facts.vocab_size);
  const auto solo = comm::make_solo("tp");
  SmallModel whole(facts, *solo);
  parallel::Mesh mesh(std::move(rank.world), degrees, "generate", facts.num_experts > 0);
  SmallModel part(facts, mesh);
  set_weights(part, 0);
  const GeneratorOptions options = roomy_options();
  Generator generator(part.decoder, mesh.tp(), mesh.pp(), options, at::kFloat, at::kCPU);
  const spec::Range mine = spec::part_of(std::ssize(requests), degrees.dp, mesh.coordinates().dp);
  const std::vector<Request> own(requests.begin() + mine.begin, requests.begin() + mine.end);
  bool any_mixed = false;
  generator.add(own, 1);
  for (std::int64_t version = 0; version < kSteps; ++version) {
    set_weights(part, version);
    generator.set_weight_version(version, true);
    generator.run_until(version + 1 < kSteps ? after(7) : IsCalled{}, {}, {});
    if (version == 0) generator.add(own, 2);
  }
  for (const std::int64_t step : {1, 2}) {
    const std::vector<Sample> samples = generator.take(step);
    EXPECT_EQ(std::ssize(samples), 3 * mine.size());
    expect_versions_in_order(samples);
    for (const Sample& sample : samples) any_mixed = any_mixed || !sample.changes.empty();
    EXPECT_LT(largest_difference(whole, requests, samples, options.sampling.temperature, kSteps), 2e-5);
  }
  EXPECT_TRUE(any_mixed);
  mesh.close();
}

TEST(GeneratorRanks, NewWeightsEnterAtOneBoundaryOfTensorRanksAndStages) {
  tests::run_ranks(2, [](tests::RankContext& rank) { expect_updates_together(rank, {.tp = 2}, small_qwen3()); });
  tests::run_ranks(4,
                   [](tests::RankContext& rank) { expect_updates_together(rank, {.tp = 2, .pp = 2}, small_qwen3()); });
}

TEST(GeneratorRanks, NewWeightsEnterAtOneBoundaryOfReplicasThatShareExperts) {
  tests::run_ranks(
      2, [](tests::RankContext& rank) { expect_updates_together(rank, {.ep = 2, .dp = 2}, small_qwen3_moe()); });
  tests::run_ranks(4, [](tests::RankContext& rank) {
    expect_updates_together(rank, {.ep = 2, .dp = 2, .pp = 2}, small_qwen3_moe());
  });
}

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
      whole.draw(*solo, logits_RV, slots, expected);
      part.draw(*rank.world, logits_RV.narrow(1, range.begin, range.size()), slots, drawn);
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
