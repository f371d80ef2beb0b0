#include "launcher/selftest/verdict.h"

#include <gtest/gtest.h>

namespace muster::selftest {
namespace {

TEST(Verdict, ASeedLearnsFromEightyFivePercentOn) {
  EXPECT_TRUE(judge_seed(0, {.start = 0.3, .last25 = 0.85}).passed);
  EXPECT_FALSE(judge_seed(0, {.start = 0.3, .last25 = 0.849}).passed);
}

TEST(Verdict, EachControlMustFailInItsOwnWay) {
  EXPECT_TRUE(judge_control(Control::zero_advantage, {.start = 0.3, .last25 = 0.35}).failed_as_it_should);
  EXPECT_FALSE(judge_control(Control::zero_advantage, {.start = 0.3, .last25 = 0.37}).failed_as_it_should);
  EXPECT_FALSE(judge_control(Control::shuffled_advantage, {.start = 0.3, .last25 = 0.9}).failed_as_it_should);
  EXPECT_TRUE(judge_control(Control::negated_advantage, {.start = 0.3, .last25 = 0.1}).failed_as_it_should);
  EXPECT_FALSE(judge_control(Control::negated_advantage, {.start = 0.3, .last25 = 0.2}).failed_as_it_should);
  EXPECT_TRUE(judge_control(Control::no_refit, {.start = 0.3, .last25 = 0.31, .largest_logprob_diff = 1.2})
                  .failed_as_it_should);
  EXPECT_FALSE(judge_control(Control::no_refit, {.start = 0.3, .last25 = 0.31, .largest_logprob_diff = 0.1})
                   .failed_as_it_should);
  EXPECT_FALSE(
      judge_control(Control::no_refit, {.start = 0.3, .last25 = 0.5, .largest_logprob_diff = 1.2}).failed_as_it_should);
}

TEST(Verdict, FiveSeedsMustReachTheMedianToo) {
  std::vector<SeedResult> seeds;
  for (long s = 0; s < 5; ++s) seeds.push_back(judge_seed(s, {.last25 = 0.90}));
  EXPECT_FALSE(judge_all(seeds, {}));
  seeds.pop_back();
  EXPECT_TRUE(judge_all(seeds, {}));
  seeds.assign(5, judge_seed(0, {.last25 = 0.93}));
  EXPECT_TRUE(judge_all(seeds, {}));
  EXPECT_FALSE(judge_all(seeds, {judge_control(Control::zero_advantage, {.start = 0.1, .last25 = 0.9})}));
}

}  // namespace
}  // namespace muster::selftest
