// Rows that travel to the ranks of their experts and back, over three ranks of two experts each. Letters: R rows of a
// rank's tokens, M rows for its experts.
#include "runtime/parallel/expert.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/comm/communicator.h"
#include "runtime/comm/solo_communicator.h"
#include "tests/support/run_ranks.h"

namespace muster::parallel {
namespace {

constexpr std::int64_t kExperts = 6, kRanks = 3;

/// Experts of each rank's rows, ascending: rank 1 has no row, nobody chose expert 4.
const std::vector<std::vector<std::int64_t>> kChosen{{0, 0, 3, 5}, {}, {1, 2, 3, 3, 5}};

/// A row tells its rank, its place there, and its expert.
at::Tensor rows_of(std::int64_t rank) {
  std::vector<float> values;
  for (std::size_t r = 0; r < kChosen[rank].size(); ++r)
    values.insert(values.end(),
                  {static_cast<float>(rank), static_cast<float>(r), static_cast<float>(kChosen[rank][r])});
  return at::tensor(values).view({-1, 3});
}

TEST(ExpertRanks, RowsTravelToTheirExpertsAndBack) {
  tests::run_ranks(kRanks, [](tests::RankContext& rank) {
    const std::vector<std::int64_t>& chosen = kChosen[rank.rank];
    const auto R = std::ssize(chosen);
    const ops::Grouped grouped = ops::group_by(at::tensor(chosen, at::kLong), kExperts);
    const Dispatch dispatch = plan_dispatch(rank.world.get(), grouped.ends_X, R, true);
    at::Tensor x_RD = rows_of(rank.rank).requires_grad_(true);
    const at::Tensor x_MD = send_rows(dispatch, x_RD);

    std::vector<at::Tensor> expected;  // expert by expert, within one rank by rank
    std::vector<std::int32_t> ends;
    for (std::int64_t expert = 2 * rank.rank; expert < 2 * rank.rank + 2; ++expert) {
      for (std::int64_t from = 0; from < kRanks; ++from)
        for (std::size_t r = 0; r < kChosen[from].size(); ++r)
          if (kChosen[from][r] == expert) expected.push_back(rows_of(from)[static_cast<std::int64_t>(r)]);
      ends.push_back(static_cast<std::int32_t>(expected.size()));
    }
    EXPECT_TRUE(at::equal(x_MD, at::stack(expected)));
    EXPECT_TRUE(at::equal(dispatch.experts.ends_X, at::tensor(ends)));
    EXPECT_TRUE(at::equal(dispatch.experts.host_ends_X, at::tensor(ends)));

    const at::Tensor y_RD = return_rows(dispatch, x_MD * 2);
    EXPECT_TRUE(at::equal(y_RD, rows_of(rank.rank) * 2));
    const at::Tensor slopes = rows_of(rank.rank) + 1;
    (y_RD * slopes).sum().backward();
    EXPECT_TRUE(at::equal(x_RD.grad(), slopes * 2));
  });
}

TEST(ExpertRanks, AGroupOfOneSendsNothing) {
  tests::run_ranks(1, [](tests::RankContext&) {
    const auto solo = comm::make_solo("ep");
    const at::Tensor ends = at::tensor({1, 1, 3}, at::kInt), x = at::rand({3, 2});
    const Dispatch dispatch = plan_dispatch(solo.get(), ends, 3, false);
    EXPECT_TRUE(send_rows(dispatch, x).is_same(x));
    EXPECT_TRUE(return_rows(dispatch, x).is_same(x));
    EXPECT_TRUE(at::equal(dispatch.experts.ends_X, ends));
    EXPECT_FALSE(dispatch.experts.host_ends_X.defined()) << "no backward reads it";
  });
}

}  // namespace
}  // namespace muster::parallel
