#include "runtime/node/watch.h"

#include <gtest/gtest.h>

namespace muster::node {
namespace {

const spec::WatchdogJob kBudgets{
    .comm_timeout_s = 100, .beat_timeout_s = 10, .start_timeout_s = 50, .stall_timeout_s = 200};

RankSnapshot moving(std::int64_t rank, std::uint64_t tick) {
  return {.rank = rank, .beats = tick, .progress = tick, .calls = tick, .phase = spec::Phase::train};
}

// Looks every second from `begin` to `end`; the first silence, if there was one.
template <class Make>
std::optional<SilentRank> look(Watch& watch, int begin, int end, Make make) {
  for (int t = begin; t <= end; ++t)
    if (auto silence = watch.check(t, make(t))) return silence;
  return std::nullopt;
}

TEST(Watch, RanksThatMoveAreNotSilent) {
  Watch watch(kBudgets);
  EXPECT_FALSE(look(watch, 0, 500, [](int t) { return std::vector{moving(0, t + 1), moving(1, t + 1)}; }));
}

TEST(Watch, ABeatThatStopsIsSilence) {
  Watch watch(kBudgets);
  const auto silence = look(watch, 0, 100, [](int t) {
    return std::vector{moving(0, t + 1), moving(1, std::min(t + 1, 20))};
  });
  ASSERT_TRUE(silence);
  EXPECT_EQ(silence->rank, 1);
  EXPECT_NE(silence->reason.find("no beat"), std::string::npos);
}

TEST(Watch, ARankThatNeverBeatsHasTheBudgetOfTheStart) {
  Watch watch(kBudgets);
  const auto never = [](int) { return std::vector{RankSnapshot{.rank = 0}}; };
  EXPECT_FALSE(look(watch, 0, 50, never));
  EXPECT_TRUE(look(watch, 51, 52, never));
}

TEST(Watch, BeatsWithoutProgressAreSilenceAfterTheBudgetOfThePhase) {
  for (const auto& [phase, budget] : {std::pair{spec::Phase::load, 50}, std::pair{spec::Phase::train, 200}}) {
    Watch watch(kBudgets);
    const auto still = [phase = phase](int t) {
      return std::vector{RankSnapshot{.rank = 4, .beats = std::uint64_t(t + 1), .progress = 7, .phase = phase}};
    };
    EXPECT_FALSE(look(watch, 0, budget, still));
    const auto silence = look(watch, budget + 1, budget + 2, still);
    ASSERT_TRUE(silence);
    EXPECT_NE(silence->reason.find(spec::phase_name(phase)), std::string::npos);
  }
}

TEST(Watch, ARankThatHoldsUpItsPeersIsNamedBeforeTheirCollectiveTimesOut) {
  Watch watch(kBudgets);
  const auto silence = look(watch, 0, 100, [](int t) {
    RankSnapshot waits = moving(0, t + 1);
    waits.progress = 3;
    waits.calls = 9;
    waits.in_call = true;
    RankSnapshot holds = moving(1, t + 1);
    holds.progress = 3;
    holds.calls = 8;
    return std::vector{waits, holds};
  });
  ASSERT_TRUE(silence);
  EXPECT_EQ(silence->rank, 1);
  EXPECT_NE(silence->reason.find("rank 0 has waited for it"), std::string::npos);
}

TEST(Watch, ASlowRankThatMovesIsNotSilentHoweverLongItsPeersWait) {
  Watch watch(kBudgets);
  EXPECT_FALSE(look(watch, 0, 150, [](int t) {
    RankSnapshot waits = moving(0, t + 1);
    waits.progress = 3;
    waits.calls = 1000;
    waits.in_call = true;
    return std::vector{waits, moving(1, t + 1)};
  }));
}

TEST(Watch, TheTimeInWhichTheAgentItselfStoodStillCountsAgainstNobody) {
  Watch watch(kBudgets);
  const auto same = [](int) { return std::vector{moving(0, 5)}; };
  EXPECT_FALSE(look(watch, 0, 5, same));
  EXPECT_FALSE(watch.check(5000, same(0)));
  EXPECT_FALSE(look(watch, 5001, 5004, same));
  EXPECT_TRUE(look(watch, 5005, 5010, same));
}

}  // namespace
}  // namespace muster::node
