// The trainer in every layout of tp and dp against its twin, which is one rank: same losses, norms, gradients and
// weights.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/train/trainer.h"
#include "tests/runtime/train/twin.h"
#include "tests/support/run_ranks.h"

namespace muster::train {
namespace {

constexpr double kLr = 3e-3;
constexpr int kUpdates = 3;
// Relative distance of a gradient in float32: at the same weights, and after updates that carried their rounding into
// the weights.
constexpr double kFirst = 5e-6, kLater = 1e-4;
constexpr std::int64_t kGroups = 3;  // with dp 4 one rank has nothing to do

/// Groups of this dp rank. Every tp rank of it gets the same.
std::vector<Sequence> share_of(const std::vector<Sequence>& sequences, const spec::Degrees& degrees,
                               const spec::Coordinates& place) {
  std::vector<Sequence> mine;
  for (const Sequence& sequence : sequences) {
    if (sequence.group % degrees.dp == place.dp) mine.push_back(sequence);
  }
  return mine;
}

void expect_boxes(const weights::ShardStore& found, const NamedTensors& expected, double relative,
                  const std::string& what) {
  for (const weights::Shard& shard : found.shards()) {
    const std::string& name = shard.parameter.name;
    const at::Tensor box = box_of_tensor(expected.at(name).detach(), shard.box);
    const double distance = (found.view(name).to(at::kDouble) - box).norm().item<double>();
    EXPECT_LE(distance, relative * expected.at(name).norm().item<double>() + 1e-8) << what << " of " << name;
  }
}

void train_and_compare(tests::RankContext& rank, const spec::ModelFacts& facts, const spec::Degrees& degrees) {
  spec::Job job;
  job.grpo.max_sequence_tokens = 32;
  job.packing.max_tokens = 48;
  job.train.tp = degrees.tp;
  job.train.dp = degrees.dp;
  job.optimizer.weight_decay = 0.1;
  job.optimizer.max_grad_norm = 0.05;  // it clips
  job.optimizer.eps = 1e-4;            // a tiny one would turn the rounding of a gradient near zero into a whole step
  const Rollout rollout = random_rollout(kGroups, 4, facts.vocab_size);
  const double global_tokens = answer_tokens(rollout.sequences);

  parallel::Mesh mesh(std::move(rank.world), degrees, "train");
  weights::ShardStore store(weights::shards_of(facts, degrees, mesh.place()), at::kFloat, at::kCPU, degrees.dp);
  fill_store(store, random_weights(facts));
  Trainer trainer(facts, job, mesh, store);
  Twin twin(facts, job, random_weights(facts));
  const std::vector<Sequence> mine = share_of(rollout.sequences, degrees, mesh.place());

  const SequenceScores scores = trainer.scores(mine, {});
  for (std::size_t s = 0; s < mine.size(); ++s) {
    const at::Tensor distance = (at::tensor(scores.logprobs[s]) - twin.logprobs(mine[s])).abs().max();
    EXPECT_LE(distance.item<double>(), 1e-5);
  }
  for (int update = 0; update < kUpdates; ++update) {
    const UpdateFigures expected = twin.update(rollout.sequences, kLr);
    const UpdateFigures found = trainer.update(mine, wavy_loss(mine, global_tokens), kLr, {});
    EXPECT_NEAR(found.loss, expected.loss, 1e-5 * (1 + std::abs(expected.loss))) << "update " << update;
    EXPECT_NEAR(found.grad_norm, expected.grad_norm, (update == 0 ? kFirst : kLater) * expected.grad_norm)
        << "update " << update;
    expect_boxes(trainer.gradients(), twin.gradients(), update == 0 ? kFirst : kLater,
                 "gradient " + std::to_string(update));
  }
  expect_boxes(store, twin.weights(), kLater, "weights");
  mesh.close();
}

void compare_layout(spec::Family family, const spec::Degrees& degrees) {
  tests::run_ranks(static_cast<int>(degrees.ranks()),
                   [&](tests::RankContext& rank) { train_and_compare(rank, tiny_facts(family), degrees); });
}

TEST(Layouts, DataParallelTwo) { compare_layout(spec::Family::llama, {.dp = 2}); }
TEST(Layouts, DataParallelFourWithARankThatHasNoSequences) { compare_layout(spec::Family::qwen3, {.dp = 4}); }
TEST(Layouts, TensorParallelTwoWithBiases) { compare_layout(spec::Family::qwen2, {.tp = 2}); }
TEST(Layouts, TensorParallelTwoWithHeadNorms) { compare_layout(spec::Family::qwen3, {.tp = 2}); }
TEST(Layouts, TensorParallelFourSharesKeyValueHeads) { compare_layout(spec::Family::qwen2, {.tp = 4}); }
TEST(Layouts, TensorAndDataParallel) { compare_layout(spec::Family::qwen3, {.tp = 2, .dp = 2}); }

/// A few bf16 updates with dp 2: every rank gets the other's half, and all of it lies near the float64 twin's weights.
void train_in_bf16(tests::RankContext& rank) {
  const spec::Degrees degrees{.dp = 2};
  const spec::ModelFacts facts = tiny_facts(spec::Family::qwen3);
  spec::Job job;
  job.grpo.max_sequence_tokens = 32;
  job.train.dp = 2;
  job.optimizer.eps = 1e-4;
  const Rollout rollout = random_rollout(kGroups, 4, facts.vocab_size);
  comm::Communicator& world = *rank.world;
  parallel::Mesh mesh(std::move(rank.world), degrees, "train");
  weights::ShardStore store(weights::shards_of(facts, degrees, mesh.place()), at::kBFloat16, at::kCPU, degrees.dp);
  fill_store(store, random_weights(facts));
  Trainer trainer(facts, job, mesh, store);
  Twin twin(facts, job, random_weights(facts));
  const std::vector<Sequence> mine = share_of(rollout.sequences, degrees, mesh.place());
  for (int update = 0; update < kUpdates; ++update) {
    const UpdateFigures expected = twin.update(rollout.sequences, kLr);
    const UpdateFigures found = trainer.update(mine, wavy_loss(mine, answer_tokens(rollout.sequences)), kLr, {});
    EXPECT_NEAR(found.loss, expected.loss, 0.02 * (1 + std::abs(expected.loss)));
    EXPECT_NEAR(found.grad_norm, expected.grad_norm, 0.05 * expected.grad_norm);
  }
  expect_boxes(store, twin.weights(), 5e-3, "weights");
  at::Tensor sum = store.flat().to(at::kDouble);
  world.all_reduce(sum, comm::Reduce::sum, "weights");
  EXPECT_TRUE(at::equal(sum, store.flat().to(at::kDouble) * 2));
  const std::int64_t half = store.flat().numel() / 2;
  EXPECT_EQ(trainer.memory().of(spec::MemoryOwner::main_weights), 4 * half);
  EXPECT_EQ(trainer.memory().of(spec::MemoryOwner::moments), 8 * half);
  mesh.close();
}

TEST(Layouts, Bf16WeightsAreTheSameOnEveryDataParallelRank) { tests::run_ranks(2, train_in_bf16); }

}  // namespace
}  // namespace muster::train
