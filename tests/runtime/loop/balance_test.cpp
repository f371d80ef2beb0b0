#include "runtime/loop/balance.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "runtime/base/random.h"

namespace muster::loop {
namespace {

std::vector<std::int64_t> counting(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> list(static_cast<std::size_t>(end - begin));
  std::iota(list.begin(), list.end(), begin);
  return list;
}

TEST(DealSamples, EachSampleIsDealtOnceWhateverTheShape) {
  const base::RandomKey key(1, base::Purpose::test);
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    const std::int64_t groups = 1 + key.at(trial)[0] % 9, per_prompt = 1 + key.at(trial)[1] % 5,
                       ranks = 1 + key.at(trial)[2] % 6;
    std::vector<std::int64_t> tokens;
    for (std::int64_t s = 0; s < groups * per_prompt; ++s)
      tokens.push_back(1 + key.at(trial * 1000 + static_cast<std::uint64_t>(s))[3] % 50);
    const auto shares = balance_samples(counting(0, groups * per_prompt), tokens, per_prompt, ranks);
    ASSERT_EQ(std::ssize(shares), ranks);
    std::set<std::int64_t> seen;
    std::size_t count = 0;
    for (const auto& share : shares) {
      seen.insert(share.begin(), share.end());
      count += share.size();
      EXPECT_TRUE(std::is_sorted(share.begin(), share.end()));
    }
    EXPECT_EQ(count, tokens.size());
    EXPECT_EQ(seen.size(), tokens.size());
  }
}

TEST(DealSamples, GroupsStayWholeWhereThereAreEnough) {
  const std::vector<std::int64_t> tokens(16, 10);
  for (const auto& share : balance_samples(counting(0, 16), tokens, 4, 2)) {
    ASSERT_EQ(share.size(), 8u);
    EXPECT_EQ(share[0] / 4, share[3] / 4);
    EXPECT_EQ(share[4] / 4, share[7] / 4);
  }
}

TEST(DealSamples, LoadsAreEven) {
  std::vector<std::int64_t> tokens(8, 1);
  tokens[0] = 100;
  const auto shares = balance_samples(counting(0, 8), tokens, 1, 2);
  EXPECT_EQ(shares[0], std::vector<std::int64_t>{0});
  EXPECT_EQ(shares[1].size(), 7u);
}

TEST(DealSamples, AnUpdateMayBeginWithinAGroup) {
  const std::vector<std::int64_t> tokens(8, 1);
  const auto shares = balance_samples(counting(2, 6), tokens, 4, 1);
  EXPECT_EQ(shares[0], counting(2, 6));
}

}  // namespace
}  // namespace muster::loop
