#include "runtime/data/mixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "runtime/base/random.h"

namespace muster::data {
namespace {

MixtureSource source(std::int64_t first, std::int64_t count, double weight = 0) {
  MixtureSource made{.rows = std::vector<std::int64_t>(static_cast<std::size_t>(count)), .weight = weight};
  std::iota(made.rows.begin(), made.rows.end(), first);
  return made;
}

std::map<std::int64_t, int> counts(const std::vector<std::int64_t>& rows) {
  std::map<std::int64_t, int> seen;
  for (const std::int64_t row : rows) ++seen[row];
  return seen;
}

TEST(Mixture, OneSourceIsThePermutationOfTheEpoch) {
  const auto order = epoch_order({source(0, 50)}, 3, 2, true);
  const auto expected = base::permutation(base::RandomKey(3, base::Purpose::data_order, 2), 50);
  EXPECT_EQ(order, expected) << "token for token what runs with one source have always seen";
  EXPECT_EQ(epoch_order({source(5, 3)}, 3, 2, false), (std::vector<std::int64_t>{5, 6, 7}));
}

TEST(Mixture, WithoutWeightsEveryRowComesOncePerEpoch) {
  for (const bool shuffle : {true, false}) {
    const auto order = epoch_order({source(0, 10), source(10, 30)}, 1, 4, shuffle);
    EXPECT_EQ(order.size(), 40u);
    EXPECT_EQ(counts(order).size(), 40u);
  }
}

TEST(Mixture, QuotasAddUpAndFollowTheWeights) {
  EXPECT_EQ(epoch_quotas({source(0, 10, 1), source(10, 30, 1)}), (std::vector<std::int64_t>{20, 20}));
  EXPECT_EQ(epoch_quotas({source(0, 3, 1), source(3, 3, 1), source(6, 4, 1)}), (std::vector<std::int64_t>{4, 3, 3}));
  EXPECT_EQ(epoch_quotas({source(0, 1, 0.001), source(1, 9, 1)}), (std::vector<std::int64_t>{0, 10}));
}

TEST(Mixture, OverTheEpochsASourceRunsThroughItsRowsEvenly) {
  for (const bool shuffle : {true, false}) {
    std::vector<std::int64_t> seen;
    for (std::int64_t epoch = 0; epoch < 6; ++epoch)
      for (const std::int64_t row : epoch_order({source(0, 10, 2), source(10, 30, 1)}, 7, epoch, shuffle))
        seen.push_back(row);
    const auto times = counts(seen);  // 27 and 13 of 40 in an epoch
    for (std::int64_t row = 0; row < 40; ++row) {
      const double expected = row < 10 ? 6 * 27 / 10.0 : 6 * 13 / 30.0;
      EXPECT_NEAR(times.at(row), expected, 1) << row;
    }
  }
}

TEST(Mixture, WithoutShufflingSourcesAlternateEvenly) {
  const auto order = epoch_order({source(0, 2), source(2, 6)}, 1, 0, false);
  EXPECT_EQ(order, (std::vector<std::int64_t>{2, 0, 3, 4, 5, 1, 6, 7}));
}

TEST(Mixture, SeedsAndEpochsDiffer) {
  const std::vector<MixtureSource> both{source(0, 20), source(20, 20)};
  EXPECT_NE(epoch_order(both, 1, 0, true), epoch_order(both, 2, 0, true));
  EXPECT_NE(epoch_order(both, 1, 0, true), epoch_order(both, 1, 1, true));
  EXPECT_EQ(epoch_order(both, 1, 1, true), epoch_order(both, 1, 1, true));
}

}  // namespace
}  // namespace muster::data
