#include "runtime/comm/staged_communicator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "runtime/base/error.h"
#include "tests/support/run_ranks.h"
#include "tests/support/tensor_support.h"

namespace muster::tests {
namespace {

using comm::P2POp;
using comm::Reduce;

TEST(Staged, GivesTheSameAsTheGroupBelow) {
  run_ranks(3, [](RankContext& rank) {
    auto world = comm::make_staged(std::move(rank.world));
    const auto values = [](int r, std::int64_t count) { return (at::arange(count, at::kLong) + 3 * r).to(at::kFloat); };
    const at::Tensor own = values(rank.rank, 5);

    at::Tensor sum = own.clone();
    world->all_reduce(sum, Reduce::sum, "sum");
    EXPECT_TRUE(same_bits(sum, values(0, 5) + values(1, 5) + values(2, 5)));
    at::Tensor all = at::zeros({15});
    world->all_gather(all, own, "gather");
    EXPECT_TRUE(same_bits(all, at::cat({values(0, 5), values(1, 5), values(2, 5)})));
    at::Tensor share = at::zeros({5});
    world->reduce_scatter(share, values(rank.rank, 15), Reduce::max, "scatter");
    EXPECT_TRUE(same_bits(share, values(2, 15).narrow(0, rank.rank * 5, 5)));
    at::Tensor told = own.clone();
    world->broadcast(told, 1, "tell");
    EXPECT_TRUE(same_bits(told, values(1, 5)));

    const std::vector<std::int64_t> rows{1, 1, 1};
    const at::Tensor input = at::full({3, 2}, rank.rank, at::kLong);
    at::Tensor output = at::zeros({3, 2}, at::kLong);
    world->all_to_all_v(output, rows, input, rows, "rows");
    EXPECT_TRUE(same_bits(output, at::arange(3, at::kLong).view({3, 1}).expand({3, 2}).contiguous()));

    const at::Tensor got = at::zeros({5});
    world->exchange(std::vector<P2POp>{{(rank.rank + 1) % 3, true, &own}, {(rank.rank + 2) % 3, false, &got}}, "ring");
    EXPECT_TRUE(same_bits(got, values((rank.rank + 2) % 3, 5)));

    auto pair = world->split(rank.rank < 2 ? 0 : -1, 0, "pair");
    ASSERT_EQ(pair != nullptr, rank.rank < 2);
    if (pair != nullptr) pair->barrier("pair");
    world->close();
  });
}

}  // namespace
}  // namespace muster::tests
