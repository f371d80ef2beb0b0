#include "launcher/records/slowest.h"

#include <gtest/gtest.h>

#include "tests/launcher/records/run_fixture.h"

namespace muster::records {
namespace {

/// Ten steps; of the last eight `train` was slowest on rank 3 three times, on rank 2 twice, on rank 0 three times.
class SlowestHost : public testing::Test {
 protected:
  SlowestHost() {
    plan_ = tests::sums_plan();
    plan_.ranks.clear();
    for (std::int64_t rank = 0; rank < 4; ++rank) plan_.ranks.push_back({.rank = rank, .node_slot = rank / 2});
    for (const std::int64_t rank : {1, 1, 3, 3, 3, 2, 2, 0, 0, 0}) {
      steps_.push_back(tests::sums_step(std::ssize(steps_) + 1));
      steps_.back().slowest_rank = {{"train", rank}, {"generate", 1}, {"validate", 0}};
    }
    for (const spec::StepRecord& step : steps_) list_.push_back(&step);
  }
  spec::Plan plan_;
  std::vector<spec::StepRecord> steps_;
  std::vector<const spec::StepRecord*> list_;
};

TEST_F(SlowestHost, IsTheOneThatWasSlowestMostOftenOfTheLastSteps) {
  const std::vector<Slowest> list = slowest_of(plan_, list_, {"n0", "n1"});
  ASSERT_EQ(list.size(), 2U) << "phases of the step, in their order";
  EXPECT_EQ(slowest_text(list[0]), "generate n0 rank 1 (8 of 8)");
  EXPECT_EQ(slowest_text(list[1]), "train n1 rank 3 (5 of 8)");
  EXPECT_DOUBLE_EQ(list[1].seconds, 5.875);
}

TEST_F(SlowestHost, OnOneHostTheRankCounts) {
  EXPECT_EQ(slowest_text(slowest_of(plan_, list_, {"n0", "n0"})[1]), "train n0 rank 0 (3 of 8)");
  EXPECT_EQ(slowest_text(slowest_of(plan_, list_, {})[1]), "train rank 0 (3 of 8)");
}

TEST_F(SlowestHost, NothingIsSaidWithoutStepsAndOfRanksThatAreNotThere) {
  EXPECT_TRUE(slowest_of(plan_, {}, {"n0", "n1"}).empty());
  steps_.back().slowest_rank = {{"train", 99}};
  EXPECT_EQ(slowest_of(plan_, {&steps_.back()}, {"n0", "n1"})[0].host, "");
}

}  // namespace
}  // namespace muster::records
