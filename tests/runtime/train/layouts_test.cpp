// The trainer in every layout against its twin, which is one rank: same log-probabilities, losses, norms, gradients and
// weights, over three steps of two updates.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/runtime/train/layout_check.h"
#include "tests/support/run_ranks.h"

namespace muster::train {
namespace {

using spec::Family;

TEST(Layouts, DataParallelTwo) { compare_layout(untied(Family::llama), {.dp = 2}); }
TEST(Layouts, DataParallelFourWithARankThatHasNoSequences) { compare_layout(tied(Family::qwen3), {.dp = 4}); }
TEST(Layouts, TensorParallelTwoWithBiases) { compare_layout(tiny_facts(Family::qwen2), {.tp = 2}); }
TEST(Layouts, TensorParallelTwoWithHeadNorms) { compare_layout(tied(Family::qwen3), {.tp = 2}); }
TEST(Layouts, TensorParallelFourSharesKeyValueHeads) { compare_layout(tiny_facts(Family::qwen2), {.tp = 4}); }
TEST(Layouts, TensorAndDataParallel) { compare_layout(tied(Family::qwen3), {.tp = 2, .dp = 2}); }

/// Tokens of the stream cut over tp.
void by_tokens(spec::Job& job) { job.train.sequence_parallel = true; }
TEST(Layouts, SequenceParallelTwoWithBiases) { compare_layout(tiny_facts(Family::qwen2), {.tp = 2}, by_tokens); }
TEST(Layouts, SequenceParallelTwoWithHeadNormsAndRecompute) {
  compare_layout(tied(Family::qwen3), {.tp = 2}, [](spec::Job& job) {
    by_tokens(job);
    job.train.recompute = spec::Recompute::full;
  });
}
TEST(Layouts, SequenceParallelFourSharesKeyValueHeads) {
  compare_layout(tiny_facts(Family::qwen2), {.tp = 4}, by_tokens);
}
TEST(Layouts, SequenceParallelPipelineAndDataParallel) {
  compare_layout(tied(Family::qwen3), {.tp = 2, .dp = 2, .pp = 2}, by_tokens);
}
TEST(Layouts, SequenceParallelInterleavedPipeline) {
  compare_layout(untied(Family::llama), {.tp = 2, .pp = 2, .vpp = 2}, [](spec::Job& job) {
    by_tokens(job);
    job.packing.max_tokens = 16;
  });
}
TEST(Layouts, SequenceParallelWithShardedParameters) {
  compare_layout(untied(Family::qwen3), {.tp = 2, .dp = 2, .fsdp = 1}, by_tokens);
}
TEST(Layouts, SequenceParallelInOverlappedBuckets) {
  compare_layout(tied(Family::qwen3), {.tp = 2, .dp = 2}, [](spec::Job& job) {
    by_tokens(job);
    job.train.overlap_grad_reduce = job.train.overlap_param_gather = true;
    job.train.bucket_params = 150;
  });
}

/// Rows of packed sequences of which the shortest have fewer tokens than chunks.
TEST(Layouts, ContextParallelTwoWithBiases) { compare_layout(tiny_facts(Family::qwen2), {.cp = 2}); }
TEST(Layouts, ContextParallelTwoWithPromptsRepeated) {
  compare_layout(tied(Family::qwen3), {.cp = 2}, [](spec::Job& job) { job.train.share_prompt = false; });
}
TEST(Layouts, ContextParallelFourWithSharedPromptsAndRecompute) {
  compare_layout(tied(Family::qwen3), {.cp = 4}, [](spec::Job& job) {
    job.train.share_prompt = true;
    job.train.recompute = spec::Recompute::full;
  });
}
TEST(Layouts, ContextParallelEightHasRanksWithoutAToken) {
  compare_layout(untied(Family::llama), {.cp = 8}, [](spec::Job& job) { job.packing.max_tokens = 16; });
}
TEST(Layouts, ContextTensorAndSequenceParallel) { compare_layout(tied(Family::qwen3), {.tp = 2, .cp = 2}, by_tokens); }
TEST(Layouts, ContextAndTensorParallelShareKeyValueHeads) {
  compare_layout(tiny_facts(Family::qwen2), {.tp = 4, .cp = 2});
}
TEST(Layouts, ContextParallelPipelineTied) { compare_layout(tied(Family::llama), {.cp = 2, .pp = 2}); }
TEST(Layouts, ContextParallelInterleavedPipeline) {
  compare_layout(untied(Family::llama), {.cp = 2, .pp = 2, .vpp = 2}, [](spec::Job& job) {
    job.packing.max_tokens = 16;
    job.train.recompute = spec::Recompute::full;
  });
}
TEST(Layouts, ContextTensorSequenceParallelPipeline) {
  compare_layout(tied(Family::qwen3), {.tp = 2, .cp = 2, .pp = 2}, by_tokens);
}
TEST(Layouts, ContextParallelWithShardedParameters) {
  compare_layout(untied(Family::llama), {.cp = 2, .dp = 2, .fsdp = 1});
}
TEST(Layouts, ContextParallelWithParametersShardedOverItAlone) {
  compare_layout(tied(Family::qwen3), {.cp = 2, .fsdp = 1});
}
TEST(Layouts, ContextAndDataParallelInOverlappedBuckets) {
  compare_layout(tied(Family::qwen3), {.cp = 2, .dp = 2}, [](spec::Job& job) {
    job.train.overlap_grad_reduce = job.train.overlap_param_gather = true;
    job.train.bucket_params = 500;
    job.packing.max_tokens = 24;
  });
}
TEST(Layouts, ContextAndDataParallelWithAReplicaThatHasNoSequences) {
  compare_layout(tied(Family::llama), {.cp = 2, .dp = 4}, [](spec::Job& job) { job.packing.max_tokens = 16; });
}

TEST(Layouts, AttentionAgainOverContextTokensAndStages) {
  compare_layout(tied(Family::qwen3), {.tp = 2, .cp = 2, .pp = 2}, [](spec::Job& job) {
    by_tokens(job);
    job.train.recompute = spec::Recompute::attention;
  });
}
TEST(Layouts, FeedForwardAgainWithShardedParameters) {
  compare_layout(untied(Family::llama), {.tp = 2, .dp = 2, .fsdp = 1},
                 [](spec::Job& job) { job.train.recompute = spec::Recompute::mlp; });
}

TEST(Layouts, PipelineOfTwo) { compare_layout(untied(Family::llama), {.pp = 2}); }
TEST(Layouts, PipelineOfTwoTiedWithRecompute) {
  compare_layout(tied(Family::llama), {.pp = 2}, [](spec::Job& job) { job.train.recompute = spec::Recompute::full; });
}
TEST(Layouts, PipelineOfFourTiedWithPromptsRepeated) {
  compare_layout(tied(Family::qwen3), {.pp = 4}, [](spec::Job& job) { job.train.share_prompt = false; });
}
TEST(Layouts, PipelineOfFourWithManyMicroBatches) {
  compare_layout(untied(Family::qwen3), {.pp = 4}, [](spec::Job& job) { job.packing.max_tokens = 16; });
}
TEST(Layouts, PipelineAndDataParallel) { compare_layout(tied(Family::qwen3), {.dp = 2, .pp = 2}); }
TEST(Layouts, PipelineTensorAndDataParallel) { compare_layout(tied(Family::qwen3), {.tp = 2, .dp = 2, .pp = 2}); }
TEST(Layouts, InterleavedPipeline) {
  compare_layout(untied(Family::llama), {.pp = 2, .vpp = 2}, [](spec::Job& job) { job.packing.max_tokens = 16; });
}
TEST(Layouts, InterleavedPipelineTied) { compare_layout(tied(Family::qwen3), {.pp = 2, .vpp = 3}); }

TEST(Layouts, ShardedParametersOverTwo) { compare_layout(untied(Family::llama), {.dp = 2, .fsdp = 1}); }
TEST(Layouts, ShardedParametersOverTwoTiedWithRecompute) {
  compare_layout(tied(Family::llama), {.dp = 2, .fsdp = 1},
                 [](spec::Job& job) { job.train.recompute = spec::Recompute::full; });
}
TEST(Layouts, ShardedParametersOverFourWithARankThatHasNoSequences) {
  compare_layout(tied(Family::qwen3), {.dp = 4, .fsdp = 1}, [](spec::Job& job) { job.packing.max_tokens = 16; });
}
TEST(Layouts, ShardedParametersAndTensorParallel) {
  compare_layout(untied(Family::qwen3), {.tp = 2, .dp = 2, .fsdp = 1});
}

/// Many small buckets, summed during the backward and gathered during the next forward.
void in_overlapped_buckets(spec::Job& job) {
  job.train.overlap_grad_reduce = job.train.overlap_param_gather = true;
  job.train.bucket_params = 150;
  job.packing.max_tokens = 24;
}
TEST(Layouts, DataParallelInBuckets) {
  compare_layout(untied(Family::llama), {.dp = 2}, [](spec::Job& job) { job.train.bucket_params = 150; });
}
TEST(Layouts, DataParallelInOverlappedBuckets) {
  compare_layout(untied(Family::llama), {.dp = 2}, in_overlapped_buckets);
}
TEST(Layouts, DataParallelFourInOverlappedBucketsWithARankThatHasNoSequences) {
  compare_layout(tied(Family::qwen3), {.dp = 4}, [](spec::Job& job) {
    in_overlapped_buckets(job);
    job.train.recompute = spec::Recompute::full;
  });
}
TEST(Layouts, PipelineAndDataParallelTiedInOverlappedBuckets) {
  compare_layout(tied(Family::llama), {.dp = 2, .pp = 2}, in_overlapped_buckets);
}
TEST(Layouts, TensorAndDataParallelWithHeadNormsInOverlappedBuckets) {
  compare_layout(tied(Family::qwen3), {.tp = 2, .dp = 2}, in_overlapped_buckets);
}
TEST(Layouts, InterleavedPipelineInOverlappedBuckets) {
  compare_layout(untied(Family::llama), {.dp = 2, .pp = 2, .vpp = 2}, in_overlapped_buckets);
}

/// Three dp groups of sequences; layers of four experts, two a token.
spec::ModelFacts experts(std::int64_t num_experts = 4) {
  spec::ModelFacts facts = tiny_facts(Family::qwen3_moe);
  facts.num_experts = num_experts;
  return facts;
}
spec::ModelFacts with_a_dense_layer() {
  spec::ModelFacts facts = experts();
  facts.num_layers = 3;
  facts.dense_layers = {1};
  return facts;
}

TEST(ExpertLayouts, OneRank) { compare_layout(with_a_dense_layer(), {}); }
TEST(ExpertLayouts, OneRankWithAFrozenRouterAndRecompute) {
  compare_layout(experts(), {}, [](spec::Job& job) {
    job.moe.freeze_router = true;
    job.train.recompute = spec::Recompute::full;
  });
}
TEST(ExpertLayouts, DataParallelFourInBuckets) {
  compare_layout(with_a_dense_layer(), {.dp = 4}, [](spec::Job& job) { job.train.bucket_params = 1000; });
}
void in_larger_overlapped_buckets(spec::Job& job) {
  in_overlapped_buckets(job);
  job.train.bucket_params = 700;
}
TEST(ExpertLayouts, DataParallelInOverlappedBuckets) {
  compare_layout(experts(), {.dp = 2}, in_larger_overlapped_buckets);
}
TEST(ExpertLayouts, TensorParallelTwoOfWholeExperts) { compare_layout(with_a_dense_layer(), {.tp = 2}); }
TEST(ExpertLayouts, TensorParallelTwoOfWholeExpertsByTokens) { compare_layout(experts(), {.tp = 2}, by_tokens); }
TEST(ExpertLayouts, TensorParallelTwoOfCutExperts) { compare_layout(with_a_dense_layer(), {.tp = 2, .etp = 2}); }
TEST(ExpertLayouts, TensorParallelTwoOfCutExpertsByTokens) {
  compare_layout(experts(), {.tp = 2, .etp = 2}, by_tokens);
}
TEST(ExpertLayouts, TensorParallelFourAndDataParallelTwo) { compare_layout(experts(), {.tp = 4, .dp = 2}, by_tokens); }
TEST(ExpertLayouts, PipelineOfTwo) { compare_layout(experts(), {.pp = 2}); }
TEST(ExpertLayouts, InterleavedPipelineWithRecompute) {
  compare_layout(with_a_dense_layer(), {.tp = 2, .pp = 2, .vpp = 2}, [](spec::Job& job) {
    by_tokens(job);
    job.train.recompute = spec::Recompute::full;
  });
}
TEST(ExpertLayouts, ShardedParameters) {
  compare_layout(with_a_dense_layer(), {.dp = 4, .fsdp = 1}, [](spec::Job& job) { job.packing.max_tokens = 16; });
}
TEST(ExpertLayouts, ShardedParametersOfWholeExpertsWithTensorParallelTwo) {
  compare_layout(experts(), {.tp = 2, .dp = 2, .fsdp = 1}, by_tokens);
}
TEST(ExpertLayouts, ExpertParallelTwo) { compare_layout(with_a_dense_layer(), {.ep = 2, .dp = 2}); }
TEST(ExpertLayouts, ExpertParallelFourWithARankThatHasNoSequences) {
  compare_layout(experts(), {.ep = 4, .dp = 4}, [](spec::Job& job) { job.packing.max_tokens = 16; });
}
TEST(ExpertLayouts, ExpertParallelTwoInTwoReplicas) { compare_layout(experts(), {.ep = 2, .dp = 4}); }
TEST(ExpertLayouts, ExpertParallelTwoInTwoReplicasInOverlappedBuckets) {
  compare_layout(with_a_dense_layer(), {.ep = 2, .dp = 4}, in_larger_overlapped_buckets);
}
TEST(ExpertLayouts, ExpertParallelTwoOverTensorParallelTwo) { compare_layout(experts(), {.tp = 2, .ep = 2}); }
TEST(ExpertLayouts, ExpertParallelTwoOverTensorParallelTwoByTokens) {
  compare_layout(experts(), {.tp = 2, .ep = 2}, by_tokens);
}
TEST(ExpertLayouts, ExpertParallelFourOverTensorAndDataParallel) {
  compare_layout(experts(), {.tp = 2, .ep = 4, .dp = 2}, by_tokens);
}
TEST(ExpertLayouts, ExpertParallelEightWithEmptyExperts) {
  compare_layout(experts(16), {.tp = 2, .ep = 8, .dp = 4}, by_tokens);
}
TEST(ExpertLayouts, ExpertParallelInAPipelineWithRecompute) {
  compare_layout(experts(), {.ep = 2, .dp = 2, .pp = 2}, [](spec::Job& job) {
    job.train.recompute = spec::Recompute::full;
    job.packing.max_tokens = 16;
  });
}
TEST(ExpertLayouts, ContextParallelOfWholeExperts) { compare_layout(with_a_dense_layer(), {.cp = 2}); }
TEST(ExpertLayouts, ExpertParallelTwoOverContextParallelTwo) {
  compare_layout(with_a_dense_layer(), {.cp = 2, .ep = 2, .dp = 2}, in_larger_overlapped_buckets);
}
TEST(ExpertLayouts, ExpertParallelFourOverTensorAndContextParallel) {
  compare_layout(experts(), {.tp = 2, .cp = 2, .ep = 4, .dp = 2}, by_tokens);
}
TEST(ExpertLayouts, ExpertParallelFourOverContextParallelInAPipeline) {
  compare_layout(experts(), {.cp = 2, .ep = 4, .dp = 2, .pp = 2}, [](spec::Job& job) {
    job.train.recompute = spec::Recompute::full;
    job.packing.max_tokens = 32;
  });
}
TEST(ExpertLayouts, ExpertParallelInAnInterleavedPipeline) {
  compare_layout(experts(), {.tp = 2, .ep = 2, .dp = 2, .pp = 2, .vpp = 2}, by_tokens);
}

/// DeepSeek-V3: latent attention, groups of experts, a shared one, a dense layer first.
spec::ModelFacts latent() { return tiny_facts(Family::deepseek_v3); }
spec::ModelFacts whole_queries() {
  spec::ModelFacts facts = latent();
  facts.q_lora_rank = 0;
  facts.v_head_dim = 14;  // wider than keys
  return facts;
}

TEST(LatentLayouts, OneRank) { compare_layout(latent(), {}); }
TEST(LatentLayouts, OneRankWithoutLatentQueriesAndSharedPrompts) {
  compare_layout(whole_queries(), {}, [](spec::Job& job) { job.train.share_prompt = true; });
}
TEST(LatentLayouts, TensorParallelTwo) { compare_layout(latent(), {.tp = 2}); }
TEST(LatentLayouts, TensorParallelTwoByTokens) { compare_layout(latent(), {.tp = 2}, by_tokens); }
TEST(LatentLayouts, TensorParallelFourOfCutExperts) { compare_layout(whole_queries(), {.tp = 4, .etp = 4}); }
TEST(LatentLayouts, TensorParallelTwoOfCutExpertsByTokens) {
  compare_layout(whole_queries(), {.tp = 2, .etp = 2}, by_tokens);
}
TEST(LatentLayouts, ShardedParametersWithRecomputedAttention) {
  compare_layout(latent(), {.dp = 4, .fsdp = 1}, [](spec::Job& job) {
    job.packing.max_tokens = 16;
    job.train.recompute = spec::Recompute::attention;
  });
}
TEST(LatentLayouts, ExpertParallelTwoOverTensorParallelTwoByTokens) {
  compare_layout(latent(), {.tp = 2, .ep = 2, .dp = 2}, by_tokens);
}
TEST(LatentLayouts, ExpertParallelTwoInAPipelineWithRecomputedFeedForwards) {
  compare_layout(latent(), {.ep = 2, .dp = 2, .pp = 2},
                 [](spec::Job& job) { job.train.recompute = spec::Recompute::mlp; });
}
TEST(LatentLayouts, ExpertParallelFourInTwoReplicas) {
  compare_layout(latent(), {.ep = 4, .dp = 8}, [](spec::Job& job) { job.packing.max_tokens = 16; });
}
TEST(LatentLayouts, ExpertParallelTwoOverContextParallelTwo) {
  compare_layout(latent(), {.cp = 2, .ep = 2, .dp = 2}, in_larger_overlapped_buckets);
}
TEST(LatentLayouts, TensorAndContextParallelByTokens) {
  compare_layout(whole_queries(), {.tp = 2, .cp = 2}, by_tokens);
}
TEST(LatentLayouts, ExpertParallelInAnInterleavedPipeline) {
  compare_layout(latent(), {.tp = 2, .ep = 2, .dp = 2, .pp = 2, .vpp = 2}, by_tokens);
}

constexpr double kBf16Lr = 3e-3;

/// A few bf16 updates with dp 2: every rank gets the other's half, and all of it lies near the float64 twin's weights.
void train_in_bf16(tests::RankContext& rank, spec::DataType grad_dtype, std::int64_t fsdp) {
  const spec::Degrees degrees{.dp = 2, .fsdp = fsdp};
  const spec::ModelFacts facts = tiny_facts(spec::Family::qwen3);
  spec::Job job;
  job.grpo.max_sequence_tokens = 32;
  job.train.dp = 2;
  job.train.fsdp = fsdp;
  job.train.grad_dtype = grad_dtype;
  job.optimizer.eps = 1e-4;
  const Rollout rollout = random_rollout(3, 4, facts.vocab_size);
  comm::Communicator& world = *rank.world;
  parallel::Mesh mesh(std::move(rank.world), degrees, "train");
  weights::ShardStore store(weights::shards_of(facts, degrees, mesh.coordinates()), at::kBFloat16, at::kCPU,
                            degrees.dp);
  fill_store(store, random_weights(facts));
  Trainer trainer(facts, job, mesh, store);
  Twin twin(facts, job, random_weights(facts));
  const std::vector<Sequence> mine = share_of(rollout.sequences, degrees, mesh.coordinates());
  for (int update = 0; update < 3; ++update) {
    const UpdateFigures expected = twin.update(rollout.sequences, kBf16Lr);
    const UpdateFigures found = trainer.update(mine, wavy_loss(mine, answer_tokens(rollout.sequences)), kBf16Lr, {});
    EXPECT_NEAR(found.loss, expected.loss, 0.02 * (1 + std::abs(expected.loss)));
    EXPECT_NEAR(found.grad_norm, expected.grad_norm, 0.05 * expected.grad_norm);
  }
  expect_boxes(store, twin.weights(), 5e-3, "weights");
  if (fsdp == 1) return mesh.close();
  at::Tensor sum = store.flat().to(at::kDouble);
  world.all_reduce(sum, comm::Reduce::sum, "weights");
  EXPECT_TRUE(at::equal(sum, store.flat().to(at::kDouble) * 2));
  const std::int64_t half = store.flat().numel() / 2;
  EXPECT_EQ(trainer.memory().of(spec::MemoryOwner::main_weights), 4 * half);
  EXPECT_EQ(trainer.memory().of(spec::MemoryOwner::moments), 8 * half);
  const std::int64_t grad_bytes = grad_dtype == spec::DataType::bf16 ? 2 : 4;
  EXPECT_EQ(trainer.memory().of(spec::MemoryOwner::gradients), grad_bytes * 2 * half + 4 * half);
  mesh.close();
}

TEST(Layouts, Bf16WeightsAreTheSameOnEveryDataParallelRank) {
  for (const spec::DataType grad_dtype : {spec::DataType::fp32, spec::DataType::bf16})
    for (const std::int64_t fsdp : {0, 1})
      tests::run_ranks(2, [&](tests::RankContext& rank) { train_in_bf16(rank, grad_dtype, fsdp); });
}

}  // namespace
}  // namespace muster::train
