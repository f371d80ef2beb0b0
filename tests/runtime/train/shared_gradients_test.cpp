// Weights cut over tp, and tokens with them: scores and gradients equal those of one rank.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/train/shared_gradients.h"

#include "runtime/comm/solo_communicator.h"
#include "runtime/model/decoder.h"
#include "runtime/ops/packed_attention.h"
#include "runtime/parallel/vocabulary.h"
#include "runtime/weights/model_folder.h"
#include "tests/support/run_ranks.h"
#include "tests/support/tensor_support.h"

namespace muster::train {
namespace {

using tests::near;

class Packed : public model::Context {
 public:
  at::Tensor attend(std::int64_t, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) override {
    return ops::packed_attention(q, k, v, {{0, 6, -1}, {6, 5, 0}, {11, 8, -1}, {19, 5, -1}});
  }
};

spec::ModelFacts facts_of(std::int64_t kv_heads, bool norms, bool biases, bool tied) {
  return {.hidden_size = 24,
          .num_layers = 2,
          .num_heads = 12,
          .num_kv_heads = kv_heads,
          .head_dim = 8,
          .intermediate_size = 36,
          .vocab_size = 60,
          .max_position_embeddings = 32,
          .tied_embeddings = tied,
          .attention_bias = biases,
          .qk_norm = norms};
}

struct Result {
  at::Tensor logprobs, entropy;
  weights::ShardStore gradients;
};

Result run(const spec::ModelFacts& facts, comm::Communicator& tp, spec::Recompute recompute, parallel::Tokens held) {
  weights::ShardStore store(weights::shards_of(facts, {.tp = tp.size()}, {.tp = tp.rank()}), at::kFloat, at::kCPU);
  weights::fill_random(store, 3, 0.3);
  Result result{{}, {}, weights::ShardStore(store.shards(), at::kFloat, at::kCPU)};
  const model::Decoder decoder(facts, store, &result.gradients, tp, 0, held);
  const at::Tensor tokens = at::arange(24, at::kLong).mul(11).remainder(60),
                   positions =
                       at::tensor({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4}, at::kLong);
  Packed attention;
  const at::Tensor hidden = decoder.hidden(tokens, positions, attention, recompute);
  const auto scores =
      parallel::token_logprobs(tp, hidden, decoder.head(), decoder.vocabulary(), tokens.mul(7).remainder(60), 0.8, 8);
  (scores.logprobs_N * at::arange(24, at::kFloat).cos()).sum().backward();
  sum_shared_gradients(tp, held, facts, result.gradients);
  result.logprobs = scores.logprobs_N.detach();
  result.entropy = scores.entropy_N;
  return result;
}

void expect_same(const Result& part, const Result& whole) {
  EXPECT_TRUE(near(part.logprobs, whole.logprobs, 1e-5, 1e-5));
  EXPECT_TRUE(near(part.entropy, whole.entropy, 1e-5, 1e-5));
  for (const weights::Shard& shard : part.gradients.shards()) {
    at::Tensor expected = whole.gradients.view(shard.parameter.name);
    for (std::size_t dim = 0; dim < shard.box.ranges.size(); ++dim)
      expected =
          expected.narrow(static_cast<std::int64_t>(dim), shard.box.ranges[dim].begin, shard.box.ranges[dim].size());
    EXPECT_TRUE(near(part.gradients.view(shard.parameter.name), expected, 2e-5, 2e-5)) << shard.parameter.name;
  }
}

void expect_one_rank(int size, const spec::ModelFacts& facts, spec::Recompute recompute = spec::Recompute::none) {
  tests::run_ranks(size, [&](tests::RankContext& rank) {
    const auto solo = comm::make_solo("solo");
    const Result whole = run(facts, *solo, spec::Recompute::none, parallel::Tokens::all);
    for (const parallel::Tokens held : {parallel::Tokens::all, parallel::Tokens::cut})
      expect_same(run(facts, *rank.world, recompute, held), whole);
  });
}

TEST(DecoderTensorParallel, TwoRanksGiveWhatOneGives) { expect_one_rank(2, facts_of(4, true, false, true)); }
TEST(DecoderTensorParallel, ThreeRanksWithBiasesGiveWhatOneGives) {
  expect_one_rank(3, facts_of(3, false, true, false));
}
TEST(DecoderTensorParallel, FourRanksThatShareKeyHeadsGiveWhatOneGives) {
  expect_one_rank(4, facts_of(2, true, true, false));
}
TEST(DecoderTensorParallel, RecomputedLayersRepeatTheirCollectives) {
  for (const spec::Recompute recompute : {spec::Recompute::full, spec::Recompute::attention, spec::Recompute::mlp})
    expect_one_rank(2, facts_of(1, true, false, true), recompute);
}

}  // namespace
}  // namespace muster::train
