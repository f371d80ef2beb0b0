// Mesh, tensor-parallel sums and vocabulary-parallel scores over real processes.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/comm/solo_communicator.h"
#include "runtime/ops/layers.h"
#include "runtime/parallel/mesh.h"
#include "runtime/parallel/tensor.h"
#include "runtime/parallel/vocabulary.h"
#include "tests/support/run_ranks.h"
#include "tests/support/tensor_support.h"

namespace muster::parallel {
namespace {

using tests::near;

at::Tensor random(at::IntArrayRef shape, int seed) {
  return at::randn(shape, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions().dtype(at::kFloat));
}

TEST(Mesh, GroupsRanksAlongEachAxis) {
  tests::run_ranks(4, [](tests::RankContext& rank) {
    Mesh mesh(std::move(rank.world), {.tp = 2, .dp = 2}, "train");
    EXPECT_EQ(mesh.coordinates().tp, rank.rank % 2);
    EXPECT_EQ(mesh.coordinates().dp, rank.rank / 2);
    EXPECT_EQ(mesh.tp().rank(), rank.rank % 2);
    EXPECT_EQ(mesh.dp_cp().rank(), rank.rank / 2);
    EXPECT_EQ(mesh.tp().name(), "train.tp");
    at::Tensor over_tp = at::full({1}, rank.rank, at::kFloat), over_dp = over_tp.clone();
    mesh.tp().all_reduce(over_tp, comm::Reduce::sum, "over tp");
    mesh.dp_cp().all_reduce(over_dp, comm::Reduce::sum, "over dp");
    EXPECT_EQ(over_tp.item<float>(), rank.rank < 2 ? 1 : 5);
    EXPECT_EQ(over_dp.item<float>(), rank.rank % 2 == 0 ? 2 : 4);
    mesh.close();
  });
}

ops::Param param(const at::Tensor& value) { return {value, at::zeros_like(value)}; }

// x -> columns -> rows -> the stream of all tokens, whose gradient is `upstream`.
struct Block {
  at::Tensor x, out, dx;
  ops::Param columns, bias, rows;
};
Block run_block(comm::Communicator& tp, Tokens tokens) {
  const std::int64_t T = 12, D = 6, O = 12 / tp.size(), part = tokens == Tokens::cut ? T / tp.size() : T;
  const auto own = [&](const at::Tensor& whole, std::int64_t dim) {
    const std::int64_t width = whole.size(dim) / tp.size();
    return whole.narrow(dim, tp.rank() * width, width).contiguous();
  };
  Block block{.columns = param(own(random({12, D}, 1), 0)),
              .bias = param(own(random({12}, 2), 0)),
              .rows = param(own(random({D, 12}, 3), 1))};
  const at::Tensor stream = random({T, D}, 4), upstream = random({T, D}, 5);
  block.x = (part == T ? stream : own(stream, 0)).clone().requires_grad_(true);
  const at::Tensor y = column_linear(tp, tokens, block.x, block.columns, block.bias);
  EXPECT_EQ(y.sizes(), (std::vector<std::int64_t>{T, O}));
  const at::Tensor sum = sum_rows(tp, tokens, ops::linear(y.sin(), block.rows, {}), "sum");
  EXPECT_EQ(sum.size(0), part);
  const at::Tensor all = gather_tokens(tp, tokens, sum);
  all.backward(upstream);
  block.out = all.detach();
  block.dx = part == T ? block.x.grad() : at::empty({T, D}, at::kFloat);
  if (part < T) tp.all_gather(block.dx, block.x.grad().contiguous(), "gradient");
  const at::InferenceMode no_graph;
  EXPECT_TRUE(near(
      gather_tokens(
          tp, tokens,
          sum_rows(tp, tokens,
                   ops::linear(column_linear(tp, tokens, block.x, block.columns, block.bias).sin(), block.rows, {}),
                   "sum")),
      block.out, 1e-6, 1e-6))
      << "without a graph";
  return block;
}

TEST(TensorParallel, CutMatricesGiveWhatWholeOnesGiveWithTokensWholeOrCut) {
  for (const int size : {2, 3}) {
    tests::run_ranks(size, [](tests::RankContext& rank) {
      const auto solo = comm::make_solo("solo");
      const Block expected = run_block(*solo, Tokens::all);
      for (const Tokens tokens : {Tokens::all, Tokens::cut}) {
        const Block block = run_block(*rank.world, tokens);
        EXPECT_TRUE(near(block.out, expected.out, 1e-5, 1e-5));
        EXPECT_TRUE(near(block.dx, expected.dx, 1e-5, 1e-5));
        const std::int64_t O = block.bias.value.size(0), begin = rank.rank * O;
        EXPECT_TRUE(near(block.columns.grad, expected.columns.grad.narrow(0, begin, O), 1e-5, 1e-5));
        EXPECT_TRUE(near(block.bias.grad, expected.bias.grad.narrow(0, begin, O), 1e-5, 1e-5));
        EXPECT_TRUE(near(block.rows.grad, expected.rows.grad.narrow(1, begin, O), 1e-5, 1e-5));
      }
      EXPECT_TRUE(near(run_block(*solo, Tokens::cut).dx, expected.dx, 0, 0)) << "a group of one cuts nothing";
    });
  }
}

TEST(TensorParallel, ASumLeavesItsInputAlone) {
  tests::run_ranks(2, [](tests::RankContext& rank) {
    const at::Tensor x = at::full({2, 3}, rank.rank + 1.0, at::kFloat);
    EXPECT_TRUE(near(sum_rows(*rank.world, Tokens::all, x, "sum"), at::full({2, 3}, 3.0), 0, 0));
    EXPECT_TRUE(near(sum_rows(*rank.world, Tokens::cut, x, "sum"), at::full({1, 3}, 3.0), 0, 0));
    EXPECT_TRUE(near(x, at::full({2, 3}, rank.rank + 1.0), 0, 0));
  });
}

TEST(TokenLogprobs, ACutVocabularyGivesWhatTheWholeGives) {
  for (const int size : {2, 3}) {
    tests::run_ranks(size, [size](tests::RankContext& rank) {
      const std::int64_t V = 42, part = V / size;
      const at::Tensor whole = random({V, 16}, 2), targets = at::arange(19, at::kLong).mul(5).remainder(V),
                       upstream = random({19}, 3), of_entropy = random({19}, 4);
      const auto run = [&](comm::Communicator& tp, const ops::Param& head, const spec::Range& range,
                           std::int64_t chunk) {
        const at::Tensor hidden = random({19, 16}, 1).requires_grad_(true);
        const TokenLogprobs scores = token_logprobs(tp, hidden, head, range, targets, 0.9, chunk);
        ((scores.logprobs_N * upstream).sum() + (scores.entropy_N * of_entropy).sum()).backward();
        return std::vector<at::Tensor>{scores.logprobs_N.detach(), scores.entropy_N.detach(), hidden.grad(), head.grad};
      };
      const auto solo = comm::make_solo("solo");
      const auto expected = run(*solo, {whole, at::zeros({V, 16}, at::kFloat)}, {0, V}, 100);
      const spec::Range range{rank.rank * part, (rank.rank + 1) * part};
      for (const std::int64_t chunk : {100, 8}) {
        const auto cut =
            run(*rank.world, {whole.narrow(0, range.begin, part), at::zeros({part, 16}, at::kFloat)}, range, chunk);
        for (int i = 0; i < 3; ++i) EXPECT_TRUE(near(cut[i], expected[i], 3e-6, 3e-6)) << i;
        EXPECT_TRUE(near(cut[3], expected[3].narrow(0, range.begin, part), 3e-6, 3e-6));
      }
    });
  }
}

}  // namespace
}  // namespace muster::parallel
