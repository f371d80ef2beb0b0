#include "launcher/page/figure_text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace muster::page {
namespace {

TEST(FigureText, AreWrittenAsPeopleReadThem) {
  EXPECT_EQ(clock_text(0.4), "0 s");
  EXPECT_EQ(clock_text(59.6), "1 min 0 s");
  EXPECT_EQ(clock_text(70), "1 min 10 s");
  EXPECT_EQ(clock_text(7260), "2 h 1 min");
  EXPECT_EQ(clock_text(NAN), "?");
  EXPECT_EQ(step_seconds_text(0.1523), "0.152");
  EXPECT_EQ(step_seconds_text(8.21), "8.2");
  EXPECT_EQ(step_seconds_text(0.999), "1.0");
  EXPECT_EQ(step_seconds_text(123.4), "123");
  EXPECT_EQ(rate_text(12.34), "12.3");
  EXPECT_EQ(rate_text(4812.4), "4,812");
  EXPECT_EQ(rate_text(1234567), "1,234,567");
  EXPECT_EQ(rate_text(-1234), "-1,234");
  EXPECT_EQ(rate_text(999), "999");
  EXPECT_EQ(reward_text(NAN), "?");
  EXPECT_EQ(small_text(1.23e-6), "1.2e-06");
  EXPECT_EQ(small_text(0.5), "0.5");
  EXPECT_EQ(small_text(0), "0");
}

}  // namespace
}  // namespace muster::page
