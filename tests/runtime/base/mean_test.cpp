#include "runtime/base/mean.h"

#include <gtest/gtest.h>

#include <cmath>

namespace muster::base {
namespace {

TEST(Mean, AndMedianOfFewValues) {
  EXPECT_DOUBLE_EQ(mean(std::vector<double>{1, 2, 6}), 3);
  EXPECT_DOUBLE_EQ(median({5, 1, 3}), 3);
  EXPECT_DOUBLE_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_TRUE(std::isnan(mean({})));
  EXPECT_TRUE(std::isnan(median({})));
}

}  // namespace
}  // namespace muster::base
