#include "runtime/loop/side_figures.h"

#include <gtest/gtest.h>

namespace muster::loop {
namespace {

TEST(SideFigures, AgesAreOfTokensByTheVersionThatSampledEach) {
  Rollout rollout;
  rollout.samples = {{.sample = {.tokens = {1, 2, 3, 4}, .weight_version = 3}},  // two versions old, all four
                     {.sample = {.tokens = {1, 2, 3, 4, 5, 6},
                                 .weight_version = 2,  // one token of version 2, two of 3, three of 5
                                 .changes = {{.position = 1, .version = 3}, {.position = 3, .version = 5}}}}};
  spec::StepRecord record;
  add_ages(record, rollout, 5);
  EXPECT_EQ(record.age_max, 3);
  EXPECT_DOUBLE_EQ(record.age_mean, (4 * 2 + 3 + 2 * 2 + 0) / 10.0);
  EXPECT_DOUBLE_EQ(record.mixed_share, 0.6);
}

}  // namespace
}  // namespace muster::loop
