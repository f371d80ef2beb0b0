#include "runtime/loop/sabotage.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace muster::loop {
namespace {

const std::vector<double> kHonest{1, -1, 0.5, 0.25, -0.75, 2, 3, -4};

spec::Job job_with(spec::Sabotage sabotage) {
  spec::Job job;
  job.selftest.sabotage = sabotage;
  return job;
}

TEST(Sabotage, LeavesAdvantagesAloneUnlessTheyAreItsAim) {
  for (const spec::Sabotage sabotage : {spec::Sabotage::none, spec::Sabotage::no_refit})
    EXPECT_EQ(sabotaged(kHonest, job_with(sabotage), 3), kHonest);
}

TEST(Sabotage, ZeroesAndNegates) {
  EXPECT_EQ(sabotaged(kHonest, job_with(spec::Sabotage::zero_advantage), 3), std::vector<double>(8, 0.0));
  EXPECT_EQ(sabotaged(kHonest, job_with(spec::Sabotage::negated_advantage), 3),
            (std::vector<double>{-1, 1, -0.5, -0.25, 0.75, -2, -3, 4}));
}

TEST(Sabotage, DealsAdvantagesToOtherSamplesDifferentlyInEachStep) {
  const spec::Job job = job_with(spec::Sabotage::shuffled_advantage);
  const std::vector<double> dealt = sabotaged(kHonest, job, 3);
  EXPECT_NE(dealt, kHonest);
  EXPECT_TRUE(std::is_permutation(dealt.begin(), dealt.end(), kHonest.begin()));
  EXPECT_EQ(dealt, sabotaged(kHonest, job, 3)) << "every rank deals alike";
  EXPECT_NE(dealt, sabotaged(kHonest, job, 4));
}

TEST(Sabotage, OnlyOneKindKeepsTheFirstWeights) {
  EXPECT_FALSE(refits(job_with(spec::Sabotage::no_refit)));
  for (const spec::Sabotage sabotage :
       {spec::Sabotage::none, spec::Sabotage::zero_advantage, spec::Sabotage::negated_advantage})
    EXPECT_TRUE(refits(job_with(sabotage)));
}

}  // namespace
}  // namespace muster::loop
