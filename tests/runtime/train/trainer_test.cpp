// The trainer on one rank against its twin in float64.
#include "runtime/train/trainer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>

#include "runtime/base/error.h"
#include "runtime/comm/solo_communicator.h"
#include "runtime/train/supervised.h"
#include "tests/runtime/train/twin.h"
#include "tests/support/tensor_support.h"

namespace muster::train {
namespace {

using tests::near;

spec::Job small_job() {
  spec::Job job;
  job.grpo.max_sequence_tokens = 32;
  job.packing.max_tokens = 40;
  job.sampling.temperature = 0.8;
  job.train.logprob_chunk_tokens = 16;
  job.optimizer.beta2 = 0.95;
  job.optimizer.weight_decay = 0.1;
  job.optimizer.max_grad_norm = 0.05;  // it clips
  job.optimizer.eps = 1e-4;            // a tiny one would turn the rounding of a gradient near zero into a whole step
  return job;
}

constexpr double kLr = 3e-3;
// Relative distance of a gradient in float32: at the same weights, and after updates that carried their rounding into
// the weights.
constexpr double kFirst = 5e-6, kLater = 1e-4;

/// A trainer with all it borrows.
struct Stand {
  Stand(const spec::ModelFacts& facts, const spec::Job& job, at::ScalarType dtype = at::kFloat)
      : mesh(comm::make_solo("train"), spec::Degrees{}, "train"),
        store(weights::shards_of(facts, {}, {}), dtype, at::kCPU) {
    at::set_num_threads(1);  // tensors this small gain nothing by a second one
    fill_store(store, random_weights(facts));
    trainer = std::make_unique<Trainer>(facts, job, mesh, store);
  }
  parallel::Mesh mesh;
  weights::ShardStore store;
  std::unique_ptr<Trainer> trainer;
};

void expect_same_tensors(const weights::ShardStore& found, const NamedTensors& expected, double relative) {
  for (const weights::Shard& shard : found.shards()) {
    const std::string& name = shard.parameter.name;
    const double distance = (found.view(name).to(at::kDouble) - expected.at(name).detach()).norm().item<double>();
    EXPECT_LE(distance, relative * expected.at(name).norm().item<double>() + 1e-8) << name;
  }
}

TEST(Trainer, LossesGradientsAndWeightsFollowTheTwinOverSeveralUpdates) {
  for (const spec::Family family : {spec::Family::llama, spec::Family::qwen2, spec::Family::qwen3}) {
    const spec::ModelFacts facts = tiny_facts(family);
    const spec::Job job = small_job();
    const Rollout rollout = random_rollout(5, 4, facts.vocab_size);
    Stand stand(facts, job);
    Twin twin(facts, job, random_weights(facts));
    for (int update = 0; update < 4; ++update) {
      const UpdateFigures expected = twin.update(rollout.sequences, kLr);
      const UpdateFigures found = stand.trainer->update(
          rollout.sequences, wavy_loss(rollout.sequences, answer_tokens(rollout.sequences)), kLr, {});
      EXPECT_NEAR(found.loss, expected.loss, 1e-5 * (1 + std::abs(expected.loss))) << "update " << update;
      EXPECT_NEAR(found.grad_norm, expected.grad_norm, (update == 0 ? kFirst : kLater) * expected.grad_norm)
          << "update " << update;
      EXPECT_GT(found.grad_norm, job.optimizer.max_grad_norm);
      expect_same_tensors(stand.trainer->gradients(), twin.gradients(), update == 0 ? kFirst : kLater);
    }
    expect_same_tensors(stand.store, twin.weights(), kLater);
  }
}

TEST(Trainer, ScoresComeInTheOrderGiven) {
  const spec::ModelFacts facts = tiny_facts(spec::Family::qwen3);
  const spec::Job job = small_job();
  const Rollout rollout = random_rollout(4, 3, facts.vocab_size);
  Stand stand(facts, job);
  const Twin twin(facts, job, random_weights(facts));
  int progress = 0;
  const SequenceLogprobs scores = stand.trainer->logprobs(rollout.sequences, [&] { ++progress; });
  EXPECT_GT(progress, 1);
  ASSERT_EQ(scores.logprobs.size(), rollout.sequences.size());
  for (std::size_t s = 0; s < rollout.sequences.size(); ++s) {
    EXPECT_TRUE(near(at::tensor(scores.logprobs[s]), twin.logprobs(rollout.sequences[s]), 1e-5, 1e-5)) << s;
    for (const float entropy : scores.entropy[s]) {
      EXPECT_GT(entropy, 0);
      EXPECT_LE(entropy, std::log(static_cast<double>(facts.vocab_size)) + 1e-5);
    }
  }
}

/// Two updates with the given changes to the job: figures, and the weights after.
struct Outcome {
  std::vector<UpdateFigures> figures;
  at::Tensor weights;
};
Outcome outcome_of(const std::function<void(spec::Job&)>& change) {
  const spec::ModelFacts facts = tiny_facts(spec::Family::qwen3);
  spec::Job job = small_job();
  change(job);
  const Rollout rollout = random_rollout(5, 4, facts.vocab_size);
  Stand stand(facts, job);
  Outcome outcome;
  for (int update = 0; update < 2; ++update) {
    outcome.figures.push_back(stand.trainer->update(
        rollout.sequences, wavy_loss(rollout.sequences, answer_tokens(rollout.sequences)), kLr, {}));
  }
  outcome.weights = stand.store.flat().clone();
  return outcome;
}

TEST(Trainer, HowTheWorkIsCutDoesNotChangeTheResult) {
  const Outcome expected = outcome_of([](spec::Job&) {});
  const std::vector<std::pair<std::string, std::function<void(spec::Job&)>>> changes{
      {"no shared prompt", [](spec::Job& job) { job.train.share_prompt = false; }},
      {"one sequence a batch", [](spec::Job& job) { job.packing.max_tokens = 1; }},
      {"one batch", [](spec::Job& job) { job.packing.max_tokens = 100000; }},
      {"no packing", [](spec::Job& job) { job.packing.enabled = false; }},
      {"recompute", [](spec::Job& job) { job.train.recompute = spec::Recompute::full; }},
      {"recompute attention", [](spec::Job& job) { job.train.recompute = spec::Recompute::attention; }},
      {"recompute mlp", [](spec::Job& job) { job.train.recompute = spec::Recompute::mlp; }},
      {"chunks of one token", [](spec::Job& job) { job.train.logprob_chunk_tokens = 1; }},
  };
  for (const auto& [name, change] : changes) {
    const Outcome found = outcome_of(change);
    for (std::size_t update = 0; update < 2; ++update) {
      EXPECT_NEAR(found.figures[update].loss, expected.figures[update].loss, 1e-5) << name;
      EXPECT_NEAR(found.figures[update].grad_norm, expected.figures[update].grad_norm,
                  1e-5 * expected.figures[update].grad_norm)
          << name;
    }
    EXPECT_TRUE(near(found.weights, expected.weights, 2e-5, 1e-4)) << name;
  }
}

TEST(Trainer, TheSameWorkGivesTheSameBits) {
  EXPECT_TRUE(tests::same_bits(outcome_of([](spec::Job&) {}).weights, outcome_of([](spec::Job&) {}).weights));
}

TEST(Trainer, AnUpdateWithoutSequencesOnlyDecaysMatrices) {
  const spec::ModelFacts facts = tiny_facts(spec::Family::llama);
  Stand stand(facts, small_job());
  const at::Tensor norm = stand.store.view("model.norm.weight").clone(),
                   matrix = stand.store.view("lm_head.weight").clone();
  const UpdateFigures figures = stand.trainer->update({}, supervised_loss(1), 0.1, {});
  EXPECT_EQ(figures.loss, 0);
  EXPECT_EQ(figures.grad_norm, 0);
  EXPECT_TRUE(tests::same_bits(stand.store.view("model.norm.weight"), norm));
  EXPECT_TRUE(near(stand.store.view("lm_head.weight"), matrix * 0.99, 1e-7, 1e-6));
}

TEST(Trainer, MainWeightsKeepWhatBf16CannotHold) {
  const spec::ModelFacts facts = tiny_facts(spec::Family::llama);
  spec::Job job = small_job();
  job.optimizer.weight_decay = 0;
  const Rollout rollout = random_rollout(2, 2, facts.vocab_size);
  Stand stand(facts, job, at::kBFloat16);
  const at::Tensor before = stand.store.flat().clone();
  // Each update moves an element by about lr: a weight near 0.25 has bf16 neighbours 1e-3 away, and 40 updates move it
  // by 4e-3.
  const auto update = [&] {
    return stand.trainer->update(rollout.sequences, supervised_loss(answer_tokens(rollout.sequences)), 1e-4, {});
  };
  const double first_loss = update().loss;
  const at::Tensor large = before.abs() > 0.3;
  EXPECT_TRUE(at::equal(stand.store.flat().masked_select(large & (before.abs() < 0.45)),
                        before.masked_select(large & (before.abs() < 0.45))));
  double last_loss = 0;
  for (int i = 0; i < 40; ++i) last_loss = update().loss;
  EXPECT_GT((stand.store.flat() != before).masked_select(large).to(at::kFloat).mean().item<double>(), 0.5);
  EXPECT_LT(last_loss, first_loss - 0.05);
  const std::int64_t elements = stand.store.flat().numel();
  EXPECT_EQ(stand.trainer->memory().of(spec::MemoryOwner::main_weights), 4 * elements);
  EXPECT_EQ(stand.trainer->memory().of(spec::MemoryOwner::moments), 8 * elements);
  EXPECT_EQ(stand.trainer->memory().of(spec::MemoryOwner::gradients), 4 * elements);
}

TEST(Trainer, Fp32WeightsAreTheMainWeights) {
  Stand stand(tiny_facts(spec::Family::llama), small_job());
  EXPECT_EQ(stand.trainer->memory().of(spec::MemoryOwner::main_weights), 0);
}

TEST(Trainer, SupervisedLossIsTheMeanNegativeLogprobAndFalls) {
  const spec::ModelFacts facts = tiny_facts(spec::Family::qwen3);
  const spec::Job job = small_job();
  const Rollout rollout = random_rollout(3, 2, facts.vocab_size);
  Stand stand(facts, job);
  const Twin twin(facts, job, random_weights(facts));
  double expected = 0;
  for (const Sequence& sequence : rollout.sequences) expected -= twin.logprobs(sequence).sum().item<double>();
  const double tokens = answer_tokens(rollout.sequences);
  const auto update = [&] { return stand.trainer->update(rollout.sequences, supervised_loss(tokens), 1e-2, {}).loss; };
  EXPECT_NEAR(update(), expected / tokens, 1e-5);
  for (int i = 0; i < 20; ++i) update();
  EXPECT_LT(update(), expected / tokens - 1);
}

TEST(Trainer, AnUpdateThatIsNotANumberIsRefusedAndChangesNothing) {
  const spec::ModelFacts facts = tiny_facts(spec::Family::llama);
  const Rollout rollout = random_rollout(2, 2, facts.vocab_size);
  Stand stand(facts, small_job());
  const at::Tensor before = stand.store.flat().clone();
  const Loss broken = [](const parallel::TokenLogprobs& scores, const PackedBatch&) {
    return scores.logprobs_N.sum() * std::numeric_limits<double>::quiet_NaN();
  };
  EXPECT_THROW(stand.trainer->update(rollout.sequences, broken, kLr, {}), Error);
  EXPECT_TRUE(tests::same_bits(stand.store.flat(), before));
}

}  // namespace
}  // namespace muster::train
