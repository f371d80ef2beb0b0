#include "runtime/base/random.h"

#include <gtest/gtest.h>

#include <set>

namespace muster::base {
namespace {

// source: the known-answer file of Random123 (philox4x32, 10 rounds).
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomKey, PurposesAndStreamsDoNotShareNumbers) {
  std::set<std::uint32_t> words;
  for (const Purpose purpose : {Purpose::sampling, Purpose::data_order})
    for (std::uint64_t a = 0; a < 10; ++a)
      for (std::uint64_t b = 0; b < 10; ++b)
        for (std::uint64_t i = 0; i < 10; ++i) words.insert(RandomKey(1, purpose, a, b).at(i)[0]);
  EXPECT_EQ(words.size(), 2000u);
}

TEST(RandomKey, UniformNumbersFillTheUnitInterval) {
  const RandomKey key(7, Purpose::test);
  double sum = 0;
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const double u = key.uniform(i);
    EXPECT_GT(u, 0);
    EXPECT_LT(u, 1);
    sum += u;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
}

TEST(Permutation, HoldsEachIndexOnceAndDependsOnTheKey) {
  const auto order = permutation(RandomKey(1, Purpose::data_order), 1000);
  EXPECT_EQ(std::set<std::int64_t>(order.begin(), order.end()).size(), 1000u);
  EXPECT_EQ(order, permutation(RandomKey(1, Purpose::data_order), 1000));
  EXPECT_NE(order, permutation(RandomKey(2, Purpose::data_order), 1000));
}

}  // namespace
}  // namespace muster::base
