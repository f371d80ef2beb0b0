// Bytes that a rank puts into the calls of every axis, in one pass of log-probabilities and one update of a real
// trainer, against the formulas that stand at the collectives. Letters: T tokens of the one micro batch (of this rank
// of cp), N scored tokens of it, D width, L layers (of this stage), K key/value heads (of this rank), E head width.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "runtime/comm/call_log.h"
#include "runtime/train/trainer.h"
#include "tests/runtime/train/twin.h"
#include "tests/support/run_ranks.h"

namespace muster::train {
namespace {

constexpr std::int64_t kFloat = 4;

/// By "communicator/label".
using Bytes = std::map<std::string, std::int64_t>;

struct Measured {
  Bytes scoring, update;
  std::int64_t T = 0, N = 0, L = 0, D = 0, K = 0, E = 0;
  std::int64_t parameters = 0;  // of this rank, padded

  std::int64_t stream() const { return T * D * kFloat; }
};

Bytes taken(comm::CallLog& log) {
  Bytes bytes;
  for (const comm::CallCount& call : log.take()) bytes[call.communicator + "/" + call.label] += call.bytes;
  return bytes;
}

/// The sum over the calls of one communicator.
std::int64_t of_axis(const Bytes& bytes, const std::string& axis) {
  std::int64_t sum = 0;
  for (const auto& [call, count] : bytes)
    if (call.starts_with("train." + axis + "/")) sum += count;
  return sum;
}

/// One micro batch on every rank: all groups on each replica.
Measured measure(tests::RankContext& rank, const spec::Degrees& degrees, bool sequence_parallel) {
  spec::ModelFacts facts = tiny_facts(spec::Family::llama);
  facts.tied_embeddings = false;
  facts.num_layers = 2;
  spec::Job job;
  job.grpo.max_sequence_tokens = 32;
  job.packing.max_tokens = 512;
  job.train.tp = degrees.tp;
  job.train.cp = degrees.cp;
  job.train.dp = degrees.dp;
  job.train.pp = degrees.pp;
  job.train.sequence_parallel = sequence_parallel;
  const Rollout rollout = random_rollout(3, 4, facts.vocab_size);

  comm::CallLog log;
  rank.world->set_observers({&log});
  parallel::Mesh mesh(std::move(rank.world), degrees, "train");
  const std::int64_t replicas = degrees.of(spec::Axis::dp_cp);
  weights::ShardStore store(weights::shards_of(facts, degrees, mesh.coordinates()), at::kFloat, at::kCPU, replicas);
  fill_store(store, random_weights(facts));
  Trainer trainer(facts, job, mesh, store);
  const PackedBatch batch =
      pack(rollout.sequences, update_logprob_options(job, mesh.coordinates().cp).packing, at::kCPU).at(0);
  Measured measured{.T = batch.num_tokens,
                    .N = std::ssize(batch.sequence_of_N),
                    .L = facts.num_layers / degrees.pp,
                    .D = facts.hidden_size,
                    .K = spec::kv_heads_of(facts, degrees.tp, 0).size(),
                    .E = facts.head_dim,
                    .parameters = store.flat().numel()};
  taken(log);
  trainer.logprobs(rollout.sequences, {});
  measured.scoring = taken(log);
  trainer.update(rollout.sequences, wavy_loss(rollout.sequences, answer_tokens(rollout.sequences)), 1e-3, {});
  measured.update = taken(log);
  mesh.close();
  return measured;
}

/// Labels of calls, in their order.
class Labels final : public comm::CallObserver {
 public:
  void before(const comm::Call& call) override { labels.emplace_back(call.label); }
  void after(const comm::Call&) override {}
  std::vector<std::string> labels;
};

TEST(WireBytes, NormsOfHeadsAreSummedUnitByUnitWhileTheBackwardGoesOn) {
  tests::run_ranks(4, [](tests::RankContext& rank) {
    const spec::ModelFacts facts = tiny_facts(spec::Family::qwen3);
    const spec::Degrees degrees{.tp = 2, .dp = 2};
    spec::Job job;
    job.grpo.max_sequence_tokens = 32;
    job.train.tp = job.train.dp = 2;
    job.train.overlap_grad_reduce = true;
    job.train.bucket_params = 1000;
    job.packing.max_tokens = 512;
    const Rollout rollout = random_rollout(3, 4, facts.vocab_size);
    Labels calls;
    rank.world->set_observers({&calls});
    parallel::Mesh mesh(std::move(rank.world), degrees, "train");
    weights::ShardStore store(weights::shards_of(facts, degrees, mesh.coordinates()), at::kFloat, at::kCPU, 2);
    fill_store(store, random_weights(facts));
    Trainer trainer(facts, job, mesh, store);
    calls.labels.clear();
    trainer.update(rollout.sequences, wavy_loss(rollout.sequences, answer_tokens(rollout.sequences)), 1e-3, {});
    const auto& made = calls.labels;
    EXPECT_EQ(std::ranges::count(made, "train.shared_gradients"), facts.num_layers) << "one call a layer";
    const auto first_sum = std::ranges::find(made, "train.gradients");
    EXPECT_NE(std::find(first_sum, made.end(), "train.shared_gradients"), made.end())
        << "sums over dp begin before the last layer's norms are summed over tp";
    mesh.close();
  });
}

TEST(WireBytes, TensorParallelSumsTheStreamTwiceALayerEachWay) {
  tests::run_ranks(2, [](tests::RankContext& rank) {
    const Measured m = measure(rank, {.tp = 2}, false);
    const std::int64_t forward = (2 * m.L + 1) * m.stream();                  // and the embedding
    const std::int64_t scores = (1 + 3) * m.N * kFloat;                       // maxima, three sums
    const std::int64_t backward = 2 * m.L * m.stream() + m.N * m.D * kFloat;  // and of hidden rows
    EXPECT_EQ(of_axis(m.scoring, "tp"), forward + scores);
    EXPECT_EQ(of_axis(m.update, "tp"), forward + scores + backward);
  });
}

/// Over n ranks a sum sends 2 (n - 1) / n of a tensor, a scatter (n - 1) / n of it, a gathering n - 1 times a rank's
/// part.
TEST(WireBytes, SequenceParallelForwardsSendWhatThoseOfTensorParallelDo) {
  tests::run_ranks(2, [](tests::RankContext& rank) {
    const Measured m = measure(rank, {.tp = 2}, true);
    const std::int64_t part = m.stream() / 2;
    const auto label = [](const Bytes& bytes, const char* name) { return bytes.at(std::string("train.tp/") + name); };
    // Scattered: the stream; gathered: a rank's part.
    const std::int64_t scattered =
        label(m.scoring, "embedding") + label(m.scoring, "layer.attention") + label(m.scoring, "layer.feed_forward");
    const std::int64_t gathered = label(m.scoring, "tp.gather_tokens") + label(m.scoring, "tp.gather_hidden");
    EXPECT_EQ(scattered, (2 * m.L + 1) * m.stream());
    EXPECT_EQ(gathered, (2 * m.L + 1) * part);
    const std::int64_t plain = 2 * (2 * m.L + 1) * m.stream() / 2;  // 2 (n - 1) / n, n = 2
    EXPECT_EQ(scattered / 2 + gathered, plain);
    // Backwards the same again, and the streams before matrices once more: what tp alone would have kept whole.
    EXPECT_EQ(label(m.update, "tp.scatter_rows"), (2 * m.L + 1) * part);
    EXPECT_EQ(label(m.update, "tp.gather_tokens"), 2 * m.L * part + 2 * m.L * m.stream());
    EXPECT_EQ(label(m.update, "tp.gather_again"), 2 * m.L * part);
  });
}

TEST(WireBytes, ContextParallelGathersKeysAndValuesAndScattersTheirGradients) {
  tests::run_ranks(2, [](tests::RankContext& rank) {
    const Measured m = measure(rank, {.cp = 2}, false);
    const std::int64_t rows = m.L * 2 * m.T * m.K * m.E * kFloat;  // keys and values of this rank
    std::int64_t answers = 0;
    for (const Sequence& sequence : random_rollout(3, 4, 8).sequences) answers += std::ssize(sequence.answer);
    const std::int64_t told = 2 * answers * kFloat;  // log-probabilities and entropies
    EXPECT_EQ(of_axis(m.scoring, "cp"), rows + told);
    EXPECT_EQ(of_axis(m.update, "cp"), rows + rows + 2 * rows) << "forward, again, gradients of both ranks' keys";
    // Gradients summed and weights gathered over dp x cp, once an update.
    EXPECT_EQ(m.update.at("train.dp_cp/train.gradients"), m.parameters * kFloat);
    EXPECT_EQ(m.update.at("train.dp_cp/train.weights"), m.parameters / 2 * kFloat);
  });
}

TEST(WireBytes, ContextAndTensorParallelMultiplyNothing) {
  tests::run_ranks(4, [](tests::RankContext& rank) {
    const Measured m = measure(rank, {.tp = 2, .cp = 2}, false);
    EXPECT_EQ(of_axis(m.update, "cp"), 4 * m.L * 2 * m.T * m.K * m.E * kFloat);
    const std::int64_t stream = (4 * m.L + 1) * m.stream();
    EXPECT_EQ(of_axis(m.update, "tp"), stream + 4 * m.N * kFloat + m.N * m.D * kFloat);
  });
}

TEST(WireBytes, DataParallelScattersGradientsAndGathersWeights) {
  tests::run_ranks(2, [](tests::RankContext& rank) {
    const Measured m = measure(rank, {.dp = 2}, false);
    EXPECT_EQ(of_axis(m.scoring, "dp"), 0);
    EXPECT_EQ(of_axis(m.update, "dp"), m.parameters * kFloat + m.parameters / 2 * kFloat);
  });
}

TEST(WireBytes, APipelineSendsTheStreamOnceEachWay) {
  tests::run_ranks(2, [](tests::RankContext& rank) {
    const Measured m = measure(rank, {.pp = 2}, false);
    const bool first = rank.rank == 0;
    EXPECT_EQ(m.scoring.at("train.pp/pipeline"), first ? m.stream() : 0);
    EXPECT_EQ(m.update.at("train.pp/pipeline"), m.stream()) << "forward from the first, backward from the last";
  });
}

}  // namespace
}  // namespace muster::train
