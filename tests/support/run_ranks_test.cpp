// run_ranks itself: what a rank can do wrong fails the test, in time, with the rank's own words.
#include "tests/support/run_ranks.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "runtime/base/clock.h"

namespace muster::tests {
namespace {

TEST(RunRanks, PassesWhenAllPass) {
  run_ranks(3, [](RankContext& rank) {
    EXPECT_EQ(rank.size, 3);
    rank.world->barrier("all");
    EXPECT_EQ(rank.store->add("count", 1) > 0, true);
  });
}

TEST(RunRanks, OneRankIsAWorldOfItsOwn) {
  run_ranks(1, [](RankContext& rank) { rank.world->barrier("alone"); });
}

TEST(RunRanks, AFailedExpectationOfARankIsItsEndInItsOwnWords) {
  const auto ends = ends_of_ranks(2, [](RankContext& rank) { EXPECT_EQ(rank.rank, 0) << "rank one says so"; });
  EXPECT_TRUE(ends[0].passed()) << ends[0].output;
  EXPECT_EQ(ends[1].code, 1);
  EXPECT_NE(ends[1].output.find("rank one says so"), std::string::npos) << ends[1].output;
}

TEST(RunRanks, AnExceptionIsItsEndInItsOwnWords) {
  const auto ends = ends_of_ranks(2,
                                  [](RankContext& rank) {
                                    if (rank.rank == 0) throw std::runtime_error("thrown in rank zero");
                                  },
                                  {.make_world = false});
  EXPECT_EQ(ends[0].code, 1);
  EXPECT_NE(ends[0].output.find("thrown in rank zero"), std::string::npos) << ends[0].output;
}

TEST(RunRanks, ACrashFailsTheTest) {
  EXPECT_NONFATAL_FAILURE(run_ranks(2,
                                    [](RankContext& rank) {
                                      std::printf("before the end\n");
                                      std::fflush(stdout);
                                      if (rank.rank == 1) std::abort();
                                    },
                                    {.make_world = false}),
                          "rank 1 of 2 was ended by signal 6");
}

TEST(RunRanks, ASilentRankFailsTheTestAtTheLimit) {
  base::Stopwatch watch;
  const auto ends = ends_of_ranks(2,
                                  [](RankContext& rank) {
                                    if (rank.rank == 0) std::this_thread::sleep_for(std::chrono::seconds(60));
                                  },
                                  {.limit_s = 0.5, .make_world = false});
  EXPECT_TRUE(ends[0].silent);
  EXPECT_TRUE(ends[1].passed()) << ends[1].output;
  EXPECT_LT(watch.elapsed_s(), 5);
}

}  // namespace
}  // namespace muster::tests
