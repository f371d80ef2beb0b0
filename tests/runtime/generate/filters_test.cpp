#include "runtime/generate/filters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "runtime/base/random.h"

namespace muster::generate {
namespace {

std::set<std::size_t> kept_of(std::vector<float> z_V, std::int64_t top_k, double top_p) {
  const std::vector<float> before = z_V;
  keep_top(z_V, top_k, top_p);
  std::set<std::size_t> kept;
  for (std::size_t i = 0; i < z_V.size(); ++i) {
    if (std::isinf(z_V[i])) continue;
    EXPECT_EQ(z_V[i], before[i]);
    kept.insert(i);
  }
  return kept;
}

/// log of .4 .3 .2 .05 .05 in another order.
const std::vector<float> kFive{std::log(0.05F), std::log(0.3F), std::log(0.4F), std::log(0.05F), std::log(0.2F)};

using Set = std::set<std::size_t>;

TEST(Filters, TopKKeepsTheLargest) {
  EXPECT_EQ(kept_of(kFive, 1, 1), (Set{2}));
  EXPECT_EQ(kept_of(kFive, 3, 1), (Set{1, 2, 4}));
  EXPECT_EQ(kept_of(kFive, 4, 1), (Set{0, 1, 2, 4})) << "of equals the lower entry";
  EXPECT_EQ(kept_of(kFive, 0, 1).size(), 5U);
  EXPECT_EQ(kept_of(kFive, 9, 1).size(), 5U);
}

TEST(Filters, TopPKeepsTheSmallestSetThatReachesTheShare) {
  EXPECT_EQ(kept_of(kFive, 0, 0.39), (Set{2}));
  EXPECT_EQ(kept_of(kFive, 0, 0.41), (Set{1, 2}));
  EXPECT_EQ(kept_of(kFive, 0, 0.71), (Set{1, 2, 4}));
  EXPECT_EQ(kept_of(kFive, 0, 0.92), (Set{0, 1, 2, 4}));
  EXPECT_EQ(kept_of(kFive, 0, 0.96).size(), 5U);
  EXPECT_EQ(kept_of(kFive, 0, 1e-9), (Set{2})) << "the largest always stays";
}

TEST(Filters, TopPCountsSharesOfWhatTopKLeft) {
  EXPECT_EQ(kept_of(kFive, 2, 0.55), (Set{2})) << "0.4 of 0.7";
  EXPECT_EQ(kept_of(kFive, 2, 0.6), (Set{1, 2}));
}

TEST(Filters, LongRowsEqualAFullSort) {
  const base::RandomKey key(2, base::Purpose::test);
  for (const double spread : {0.01, 1.0, 4.0}) {
    std::vector<float> z_V;
    for (std::uint64_t i = 0; i < 3000; ++i) z_V.push_back(static_cast<float>(spread * key.normal(i)));
    std::vector<std::size_t> order(z_V.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return z_V[a] > z_V[b]; });
    double total = 0;
    for (const float z : z_V) total += std::exp(static_cast<double>(z));
    for (const double top_p : {0.1, 0.5, 0.9, 0.999}) {
      Set expected;
      double sum = 0;
      for (std::size_t i = 0; i < order.size() && (i == 0 || sum < top_p * total); ++i) {
        expected.insert(order[i]);
        sum += std::exp(static_cast<double>(z_V[order[i]]));
      }
      EXPECT_EQ(kept_of(z_V, 0, top_p), expected) << "spread " << spread << " top_p " << top_p;
    }
  }
}

}  // namespace
}  // namespace muster::generate
