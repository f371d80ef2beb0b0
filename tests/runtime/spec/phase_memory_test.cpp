#include "runtime/spec/phase_memory.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/spec/activations.h"
#include "tests/support/small_facts.h"

namespace muster::spec {
namespace {

ModelFacts facts_of(const char* name) {
  return named_model_facts(name, std::filesystem::path(MUSTER_SOURCE_DIR) / "templates");
}

Job colocated(std::int64_t ranks) {
  Job job;
  job.train.dp = job.gen.dp = ranks;
  job.train.recompute = Recompute::full;
  job.refit.alias = false;
  return job;
}

RankLimits gpu(double gb) { return {.is_gpu = true, .device_bytes = static_cast<std::int64_t>(gb * 1e9)}; }

const PhaseMemory& phase_of(const RankMemory& rank, Phase phase) {
  for (const PhaseMemory& entry : rank.phases) {
    if (entry.phase == phase) return entry;
  }
  ADD_FAILURE() << "no phase " << phase_name(phase);
  return rank.phases.front();
}

TEST(PhaseMemory, WithoutAGpuEverythingStaysAndEqualsWhatTheStepRecordPredicts) {
  const ModelFacts facts = tests::small_facts(Family::qwen3, true);
  Job job = colocated(2);
  job.model.dtype = job.gen.dtype = DataType::fp32;
  const RankMemory rank = rank_memory(facts, job, {}, true, true);
  EXPECT_EQ(rank.moves, OffloadLevel::none);
  const MemoryFigures predicted = predicted_memory(facts, job, true, true);
  for (const PhaseMemory& phase : rank.phases) {
    for (const MemoryOwner owner : {MemoryOwner::weights, MemoryOwner::gen_weights, MemoryOwner::main_weights,
                                    MemoryOwner::moments, MemoryOwner::gradients, MemoryOwner::kv_pages})
      EXPECT_EQ(phase.device.of(owner), predicted.of(owner)) << memory_owner_name(owner);
  }
}

TEST(PhaseMemory, TheLessAGpuHasTheMoreMoves) {
  const ModelFacts facts = facts_of("llama-3.1-8b");
  const Job job = colocated(8);
  OffloadLevel last = OffloadLevel::none;
  bool moved[4] = {};
  for (double gb = 400; gb > 30; gb -= 1) {
    const RankMemory rank = rank_memory(facts, job, gpu(gb), true, true);
    EXPECT_GE(rank.moves, last) << gb;
    last = rank.moves;
    moved[static_cast<std::size_t>(last)] = true;
  }
  for (const bool seen : moved) EXPECT_TRUE(seen);
}

TEST(PhaseMemory, WhatWaitsOnTheHostIsNotOnTheDeviceAndNothingIsLost) {
  const ModelFacts facts = facts_of("llama-3.1-8b");
  Job job = colocated(8);
  job.loss.kl_weight = 0.01;
  const RankMemory rank = rank_memory(facts, job, gpu(60), true, true);
  ASSERT_EQ(rank.moves, OffloadLevel::weights);
  const MemoryFigures whole = predicted_memory(facts, job, true, true);
  for (const PhaseMemory& phase : rank.phases) {
    for (const MemoryOwner owner :
         {MemoryOwner::weights, MemoryOwner::reference_weights, MemoryOwner::main_weights, MemoryOwner::moments})
      EXPECT_EQ(phase.device.of(owner) + phase.host.of(owner), whole.of(owner))
          << memory_owner_name(owner) << " in " << phase_name(phase.phase);
  }
  EXPECT_EQ(phase_of(rank, Phase::generate).device.of(MemoryOwner::moments), 0);
  EXPECT_EQ(phase_of(rank, Phase::train).device.of(MemoryOwner::kv_pages), 0);
  EXPECT_EQ(phase_of(rank, Phase::train).device.of(MemoryOwner::gen_weights), 0);
  EXPECT_GT(phase_of(rank, Phase::refit).device.of(MemoryOwner::gen_weights), 0);
}

TEST(PhaseMemory, TheCacheTakesWhatIsLeftAndAlwaysFits) {
  const ModelFacts facts = facts_of("llama-3.1-8b");
  for (double gb = 77; gb < 400; gb += 7) {
    const RankMemory rank = rank_memory(facts, colocated(8), gpu(gb), true, true);
    EXPECT_LE(rank.largest().device.total(), static_cast<std::int64_t>(gb * 1e9)) << gb;
    EXPECT_LE(rank.kv_pages, rank.needed_kv_pages);
    EXPECT_GE(rank.kv_pages * 16, 4096);
  }
  Job job = colocated(8);
  job.gen.memory_share = 0.6;
  RankMemory rank = rank_memory(facts, job, gpu(80), true, true);
  const MemoryFigures& device = phase_of(rank, Phase::generate).device;
  EXPECT_NEAR(static_cast<double>(device.of(MemoryOwner::gen_weights) + device.of(MemoryOwner::kv_pages)), 48e9, 1e7);
  job.gen.memory_share = 0;
  job.gen.kv_gb = 10;
  rank = rank_memory(facts, job, gpu(80), true, true);
  EXPECT_NEAR(static_cast<double>(rank.kv_pages * kv_page_bytes(facts, job)), 10e9, 1e7);
}

TEST(PhaseMemory, ReplicasOfExpertsShareTheirStateAmongThemselves) {
  const ModelFacts facts = facts_of("qwen3-30b-a3b");
  Job job;
  job.train.dp = 32;
  job.train.ep = 8;
  const Elements elements = local_elements(facts, train_degrees(job), {});
  const MemoryFigures figures = trainer_memory(facts, job, 0);
  EXPECT_EQ(figures.of(MemoryOwner::moments), (elements.dense / 32 + elements.experts / 4) * 8);
  EXPECT_EQ(figures.of(MemoryOwner::weights), elements.total() * 2);
  job.train.ep = 32;  // no replica: each rank keeps all of its own experts' state
  EXPECT_EQ(trainer_memory(facts, job, 0).of(MemoryOwner::moments), (elements.dense / 32 + elements.experts / 4) * 8);
}

TEST(PhaseMemory, FullyShardedRanksHoldTheirRowsAlone) {
  const ModelFacts facts = facts_of("llama-3.1-8b");
  Job job;
  job.train.backend = Backend::dtensor;
  job.train.dp = 16;
  job.train.fsdp = 1;
  const MemoryFigures figures = trainer_memory(facts, job, 0);
  const std::int64_t own = local_elements(facts, train_degrees(job), {}).total();
  EXPECT_NEAR(static_cast<double>(own), 8030261248.0 / 16, 1e5);
  EXPECT_EQ(figures.of(MemoryOwner::weights), own * 2);
  EXPECT_EQ(figures.of(MemoryOwner::gradients), own * 4);
  EXPECT_EQ(figures.of(MemoryOwner::moments), own * 8);
}

TEST(Activations, ContextParallelismHasKeysAndValuesOfAllRanks) {
  ModelFacts facts = facts_of("llama-3.1-8b");
  facts.intermediate_size = 64;  // so that attention is what needs most
  Job job = colocated(8);
  job.train.cp = 8;
  const double T = static_cast<double>(micro_batch_tokens(job)) / 8, mixer = (32 * 2 + 8 * 2) * 128 + 2 * 32,
               keys = 8 * 8 * 128;  // of all ranks, for each token of one
  EXPECT_NEAR(static_cast<double>(scoring_activations(facts, job, 0).kept_bytes), (2 * 4096 + mixer + 3 * keys) * T * 2,
              1e4);
  // A longer row is gathered a few heads at a time, the next while some are at work.
  EXPECT_EQ(context_heads(131072, 8, 128, 2), 2);
  EXPECT_EQ(context_heads(1 << 20, 8, 128, 2), 1);
  EXPECT_EQ(context_heads(4096, 8, 128, 2), 8);
}

TEST(Activations, FollowRecomputationPackingAndLayout) {
  const ModelFacts facts = facts_of("llama-3.1-8b");
  Job job = colocated(8);
  const auto kept = [&](std::int64_t stage = 0) { return training_activations(facts, job, stage).kept_bytes; };
  const std::int64_t full = kept();
  job.train.recompute = Recompute::mlp;
  const std::int64_t without_mlp = kept();
  job.train.recompute = Recompute::none;
  const std::int64_t all = kept();
  EXPECT_LT(full, without_mlp);
  EXPECT_LT(without_mlp, all);
  // Per token and layer: four stream widths, queries, keys, values, attention's output and its sums, three of the
  // block.
  const double elements = 4 * 4096 + (32 * 2 + 8 * 2) * 128 + 2 * 32 + 3 * 14336;
  EXPECT_NEAR(static_cast<double>(all), (33 * elements + 3 * 4096) * 4096 * 2, 1e6);
  job.train.cp = 2;
  EXPECT_NEAR(static_cast<double>(kept()), static_cast<double>(all) / 2, 1e6);
  job.train.cp = 1;
  job.train.tp = 2;
  job.train.sequence_parallel = true;
  EXPECT_NEAR(static_cast<double>(kept()), static_cast<double>(all) / 2, 1e6);
  job.train.mbs = 3;
  EXPECT_NEAR(static_cast<double>(kept()), static_cast<double>(all) * 1.5, 1e6);
}

TEST(Activations, TheFirstStageHoldsAMicroBatchForEachStageBehindIt) {
  Job job = colocated(2);
  job.train.pp = 4;
  for (std::int64_t stage = 0; stage < 4; ++stage) EXPECT_EQ(most_in_flight(job, stage), 4 - stage);
  job.train.gbs = 4;  // two micro batches a replica
  EXPECT_EQ(most_in_flight(job, 0), 2);
  const ModelFacts facts = facts_of("llama-3.1-8b");
  EXPECT_EQ(training_activations(facts, job, 0).logits_bytes, 0);
  EXPECT_EQ(training_activations(facts, job, 3).logits_bytes, 1024LL * 128256 * 6);
}

TEST(PhaseMemory, LatentAttentionCachesTheLatentVector) {
  const ModelFacts facts = facts_of("deepseek-v3");
  Job job;
  job.gen.tp = 32;
  EXPECT_EQ(kv_page_bytes(facts, job), 16 * (512 + 64) * 61 * 2);
  job.gen.kv_dtype = CacheType::fp8;
  EXPECT_EQ(kv_page_bytes(facts, job), 16 * (512 + 64) * 61);
  EXPECT_EQ(kv_page_bytes(facts_of("nemotron-3-nano-30b-a3b"), Job{}), 16 * 2 * 2 * 128 * 6 * 2);
}

}  // namespace
}  // namespace muster::spec
