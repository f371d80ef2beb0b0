// Mesh, tensor-parallel sums and vocabulary-parallel scores over real processes.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/comm/solo_communicator.h"
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
    EXPECT_EQ(mesh.place().tp, rank.rank % 2);
    EXPECT_EQ(mesh.place().dp, rank.rank / 2);
    EXPECT_EQ(mesh.tp().rank(), rank.rank % 2);
    EXPECT_EQ(mesh.dp().rank(), rank.rank / 2);
    EXPECT_EQ(mesh.tp().name(), "train.tp");
    at::Tensor over_tp = at::full({1}, rank.rank, at::kFloat), over_dp = over_tp.clone();
    mesh.tp().all_reduce(over_tp, comm::Reduce::sum, "over tp");
    mesh.dp().all_reduce(over_dp, comm::Reduce::sum, "over dp");
    EXPECT_EQ(over_tp.item<float>(), rank.rank < 2 ? 1 : 5);
    EXPECT_EQ(over_dp.item<float>(), rank.rank % 2 == 0 ? 2 : 4);
    mesh.close();
  });
}

TEST(TensorParallel, IdentityAndSumAreEachOthersBackward) {
  tests::run_ranks(2, [](tests::RankContext& rank) {
    const at::Tensor x = at::full({3}, rank.rank + 1.0, at::kFloat).requires_grad_(true);
    const at::Tensor entered = enter_columns(*rank.world, x);
    EXPECT_TRUE(near(entered, x, 0, 0));
    entered.backward(at::full({3}, rank.rank + 1.0, at::kFloat));
    EXPECT_TRUE(near(x.grad(), at::full({3}, 3.0), 0, 0));
    x.mutable_grad().reset();
    const at::Tensor sum = sum_rows(*rank.world, x, "sum");
    EXPECT_TRUE(near(sum, at::full({3}, 3.0), 0, 0));
    sum.backward(at::full({3}, 7.0, at::kFloat));
    EXPECT_TRUE(near(x.grad(), at::full({3}, 7.0), 0, 0));
    EXPECT_TRUE(near(x, at::full({3}, rank.rank + 1.0), 0, 0)) << "the input itself is left alone";
  });
}

TEST(TokenScores, ACutVocabularyGivesWhatTheWholeGives) {
  for (const int size : {2, 3}) {
    tests::run_ranks(size, [size](tests::RankContext& rank) {
      const std::int64_t V = 42, part = V / size;
      const at::Tensor whole = random({V, 16}, 2), targets = at::arange(19, at::kLong).mul(5).remainder(V),
                       upstream = random({19}, 3);
      const auto run = [&](comm::Communicator& tp, const ops::Param& head, const spec::Range& range,
                           std::int64_t chunk) {
        const at::Tensor hidden = random({19, 16}, 1).requires_grad_(true);
        const TokenScores scores = token_scores(tp, hidden, head, range, targets, 0.9, chunk);
        scores.logprobs_N.backward(upstream);
        return std::vector<at::Tensor>{scores.logprobs_N.detach(), scores.entropy_N, hidden.grad(), head.grad};
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
