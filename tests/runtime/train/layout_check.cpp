#include "tests/runtime/train/layout_check.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace muster::train {
namespace {

constexpr double kLr = 3e-4;
constexpr int kUpdates = 6;
// Of a loss and of a log-probability, absolute; of a gradient, the norm of the difference over the norm, with a tenth
// of it absolute for the head norms, whose gradients are small beside what they are summed from. float32.
constexpr double kTolerance = 1e-5;
constexpr std::int64_t kGroups = 3;  // with dp 4 one rank has nothing to do

spec::Job job_of(const spec::Degrees& degrees) {
  spec::Job job;
  job.grpo.max_sequence_tokens = 32;
  job.packing.max_tokens = 48;
  job.train.tp = degrees.tp;
  job.train.cp = degrees.cp;
  job.train.ep = degrees.ep;
  job.train.etp = degrees.etp;
  job.moe.freeze_router = false;
  job.train.dp = degrees.dp;
  job.train.pp = degrees.pp;
  job.train.vpp = degrees.vpp;
  job.train.fsdp = degrees.fsdp;
  job.optimizer.weight_decay = 0.1;
  job.optimizer.max_grad_norm = 0.05;  // it clips
  job.optimizer.eps = 1e-4;            // a tiny one would turn the rounding of a gradient near zero into a whole step
  return job;
}

/// What one rank does, by the twin.
struct Expected {
  std::vector<at::Tensor> logprobs;  // by sequence id, before the first update
  std::vector<UpdateFigures> figures;
  std::vector<NamedTensors> gradients;
  NamedTensors weights;
};

Expected expected_of(const spec::ModelFacts& facts, const spec::Job& job, const Rollout& rollout) {
  at::set_num_threads(1);  // ranks are forked after this
  Twin twin(facts, job, random_weights(facts));
  Expected expected;
  for (const Sequence& sequence : rollout.sequences) expected.logprobs.push_back(twin.logprobs(sequence).detach());
  for (int update = 0; update < kUpdates; ++update) {
    expected.figures.push_back(twin.update(rollout.sequences, kLr));
    expected.gradients.push_back(twin.gradients());
  }
  expected.weights = twin.weights();
  return expected;
}

void train_and_compare(tests::RankContext& rank, const spec::ModelFacts& facts, const spec::Degrees& degrees,
                       const spec::Job& job, const Rollout& rollout, const Expected& expected) {
  parallel::Mesh mesh(std::move(rank.world), degrees, "train", facts.num_experts > 0);
  weights::ShardStore store(weights::shards_of(facts, degrees, mesh.coordinates()), at::kFloat, at::kCPU,
                            spec::replica_multiple(facts, degrees));
  fill_store(store, random_weights(facts));
  Trainer trainer(facts, job, mesh, store);
  const std::vector<Sequence> mine = share_of(rollout.sequences, degrees, mesh.coordinates());
  const double global_tokens = answer_tokens(rollout.sequences);

  const SequenceLogprobs scores = trainer.logprobs(mine, {});
  for (std::size_t s = 0; s < mine.size(); ++s) {
    const at::Tensor& logprobs = expected.logprobs[mine[s].id];
    EXPECT_LE((at::tensor(scores.logprobs[s]) - logprobs).abs().max().item<double>(), kTolerance);
  }
  for (std::size_t update = 0; update < kUpdates; ++update) {
    const UpdateFigures& one = expected.figures[update];
    const UpdateFigures found = trainer.update(mine, wavy_loss(mine, global_tokens), kLr, {});
    EXPECT_NEAR(found.loss, one.loss, kTolerance) << "update " << update;
    EXPECT_NEAR(found.grad_norm, one.grad_norm, kTolerance * one.grad_norm) << "update " << update;
    expect_boxes(trainer.gradients(), expected.gradients[update], kTolerance, "gradient " + std::to_string(update));
  }
  expect_boxes(store, expected.weights, kTolerance, "weights");
  mesh.close();
}

}  // namespace

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
    EXPECT_LE(distance, relative * (expected.at(name).norm().item<double>() + 0.1)) << what << " of " << name;
  }
}

void compare_layout(spec::ModelFacts facts, const spec::Degrees& degrees,
                    const std::function<void(spec::Job&)>& change) {
  facts.num_layers = std::max(facts.num_layers, degrees.pp * degrees.vpp);
  spec::Job job = job_of(degrees);
  if (change) change(job);
  const Rollout rollout = random_rollout(kGroups, 4, facts.vocab_size);
  const Expected expected = expected_of(facts, job, rollout);
  tests::run_ranks(static_cast<int>(degrees.ranks()),
                   [&](tests::RankContext& rank) { train_and_compare(rank, facts, degrees, job, rollout, expected); });
}

spec::ModelFacts untied(spec::Family family) {
  spec::ModelFacts facts = tiny_facts(family);
  facts.tied_embeddings = false;
  return facts;
}
spec::ModelFacts tied(spec::Family family) {
  spec::ModelFacts facts = tiny_facts(family);
  facts.tied_embeddings = true;
  return facts;
}

}  // namespace muster::train
