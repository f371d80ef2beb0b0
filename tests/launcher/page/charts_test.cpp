#include "launcher/page/charts.h"

#include <gtest/gtest.h>

#include <limits>

namespace muster::page {
namespace {

const Style kUtf8{.columns = 80, .utf8 = true};
const Style kAscii{.columns = 80};
const Style kColored{.columns = 80, .utf8 = true, .color = true};

std::string words(const std::vector<Line>& lines, const Style& style) {
  std::string out;
  for (const Line& line : lines) out += (out.empty() ? "" : ", ") + line.rendered(style);
  return out;
}

TEST(Bar, FillsByEighthsOfAColumn) {
  EXPECT_EQ(bar(0, 10, kUtf8), "▕        ▏");
  EXPECT_EQ(bar(0.5, 10, kUtf8), "▕████    ▏");
  EXPECT_EQ(bar(0.5 + 3.0 / 64, 10, kUtf8), "▕████▍   ▏");
  EXPECT_EQ(bar(1, 10, kUtf8), "▕████████▏");
  EXPECT_EQ(bar(0.55, 10, kAscii), "[####----]");
}

TEST(Bar, StaysWithinItsEdges) {
  EXPECT_EQ(bar(7, 6, kAscii), "[####]");
  EXPECT_EQ(bar(-1, 6, kAscii), "[----]");
  EXPECT_EQ(bar(std::numeric_limits<double>::quiet_NaN(), 6, kAscii), "[----]");
  for (int i = 0; i <= 100; ++i) EXPECT_EQ(columns_of(bar(i / 100.0, 17, kUtf8)), 17) << i;
}

TEST(Sparkline, RisesFromNothingToTheLargest) {
  EXPECT_EQ(sparkline({0, 1, 2, 3, 4, 5, 6, 7}, {.columns = 20}, kUtf8), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(sparkline({0, 3.5, 7}, {.columns = 20}, kAscii), "_=#");
  EXPECT_EQ(sparkline({0.5, 0.5}, {.columns = 20}, kUtf8), "██");
  EXPECT_EQ(sparkline({0, 0}, {.columns = 20}, kUtf8), "▁▁");
  EXPECT_EQ(sparkline({-1, 0}, {.columns = 20}, kUtf8), "▁█");
  EXPECT_EQ(sparkline({}, {.columns = 20}, kUtf8), "");
}

TEST(Sparkline, GathersNeighboursWhereThereIsLittleRoom) {
  EXPECT_EQ(sparkline({0, 0, 7, 7}, {.columns = 2}, kUtf8), "▁█");
  std::vector<double> many;
  for (int i = 0; i < 301; ++i) many.push_back(i);
  EXPECT_EQ(columns_of(sparkline(many, {.columns = 40}, kUtf8)), 40);
}

TEST(Sparkline, TakesMoreColumnsAValueWhereThereIsRoomForAll) {
  EXPECT_EQ(sparkline({0, 7}, {.columns = 20, .of = 12}, kUtf8), "▁█");
  EXPECT_EQ(sparkline({0, 7}, {.columns = 36, .of = 12}, kUtf8), "▁▁▁███");
  EXPECT_EQ(sparkline({7}, {.columns = 100, .of = 2}, kUtf8), "████");
  EXPECT_EQ(columns_of(sparkline({1, 2, 3}, {.columns = 2, .of = 3}, kUtf8)), 2);
}

TEST(Sparkline, KeepsItsScaleBelowTheTop) {
  EXPECT_EQ(sparkline({0.08, 0.5, 1}, {.top = 1}, kUtf8), "▂▅█");
  EXPECT_EQ(sparkline({0.5, 2}, {.top = 1}, kUtf8), "▃█");
}

TEST(Sparkline, LeavesAGapWhereAValueIsNoNumber) {
  EXPECT_EQ(sparkline({1, std::numeric_limits<double>::quiet_NaN(), 1}, {.columns = 20}, kUtf8), "█ █");
}

TEST(Phases, AreOrderedAsTheStepAndAddUp) {
  const auto shares = phase_shares(
      {{"train_s", 6}, {"generate_s", 2}, {"log_s", 0.5}, {"other_s", 0.5}, {"refit_s", 0}, {"novel_s", 1}});
  ASSERT_EQ(shares.size(), 3u);
  EXPECT_EQ(shares[0].name, "generate");
  EXPECT_EQ(shares[1].name, "train");
  EXPECT_EQ(shares[2].name, "other");
  EXPECT_DOUBLE_EQ(shares[0].share, 0.2);
  EXPECT_DOUBLE_EQ(shares[2].seconds, 2);
  EXPECT_TRUE(phase_shares({}).empty());
}

TEST(Phases, AreDrawnByLettersWithoutColours) {
  const auto shares = phase_shares({{"generate_s", 2}, {"train_s", 7}, {"refit_s", 1}});
  EXPECT_EQ(phase_bar(shares, 10, kUtf8).rendered(kUtf8), "ggtttttttr");
  EXPECT_EQ(phase_bar(shares, 20, kAscii).rendered(kAscii), "ggggttttttttttttttrr");
  EXPECT_EQ(words(phase_legend(shares, 80, kAscii), kAscii), "g generate 20 %, t train 70 %, r refit 10 %");
}

TEST(Phases, AreDrawnByBlocksOfTheirColours) {
  const auto shares = phase_shares({{"generate_s", 1}, {"train_s", 1}});
  EXPECT_EQ(phase_bar(shares, 4, kColored).rendered(kColored), "\033[36m██\033[0m\033[32m██\033[0m");
  EXPECT_EQ(words(phase_legend(shares, 80, kColored), kColored),
            "\033[36m■\033[0m generate 50 %, \033[32m■\033[0m train 50 %");
}

TEST(Phases, FillTheirColumnsWhateverTheShares) {
  for (int generate = 0; generate < 50; ++generate)
    EXPECT_EQ(
        phase_bar(phase_shares({{"generate_s", generate + 0.1}, {"train_s", 17}, {"refit_s", 0.3}, {"log_s", 0.01}}),
                  23, kAscii)
            .columns(),
        23);
}

TEST(Phases, LeaveSmallOnesOutOfTheLegend) {
  EXPECT_EQ(words(phase_legend(phase_shares({{"generate_s", 1000}, {"log_s", 1}}), 80, kAscii), kAscii),
            "g generate 100 %");
}

TEST(Phases, LeaveTheSmallestOutOfTheLegendWhereThereIsLittleRoom) {
  const auto shares = phase_shares({{"generate_s", 26}, {"reward_s", 1}, {"logprob_s", 12}, {"train_s", 61}});
  EXPECT_EQ(words(phase_legend(shares, 53, kAscii), kAscii), "g generate 26 %, l logprob 12 %, t train 61 %");
  EXPECT_EQ(words(phase_legend(shares, 46, kAscii), kAscii), "g generate 26 %, t train 61 %");
  EXPECT_EQ(words(phase_legend(shares, 15, kAscii), kAscii), "t train 61 %");
  EXPECT_EQ(words(phase_legend(shares, 3, kAscii), kAscii), "");
}

}  // namespace
}  // namespace muster::page
