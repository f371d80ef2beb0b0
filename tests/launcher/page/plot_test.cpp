#include <gtest/gtest.h>

#include <cmath>

#include "launcher/page/charts.h"
#include "tests/launcher/progress/golden.h"
#include "tests/launcher/records/run_fixture.h"

namespace muster::page {
namespace {

std::string text_of(const std::vector<Line>& lines, const Style& style) {
  std::string page;
  for (const Line& line : lines) {
    EXPECT_LE(line.columns(), style.columns);
    page += line.rendered(style) + "\n";
  }
  return page;
}

std::vector<double> wave(std::size_t count) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(std::sin(static_cast<double>(i) * 0.1) * 2 + 3);
  return values;
}

TEST(Plot, DrawsACurveWithItsScale) {
  std::vector<double> gap = wave(60);
  for (std::size_t i = 20; i < 30; ++i) gap[i] = std::nan("");
  const PlotFrame frame{.title = "reward", .columns = 60, .rows = 8, .first = 1, .last = 60};
  tests::expect_golden("plot.txt", text_of(plot(gap, frame, tests::kUtf8), tests::kUtf8) +
                                       text_of(plot(gap, frame, tests::kAscii), tests::kAscii));
}

TEST(Plot, IsOfTheSizeThatWasAskedForWhateverTheValues) {
  for (const std::size_t count : {0U, 1U, 2U, 7U, 100U, 5000U})
    for (const std::int64_t columns : {24, 61, 79})
      for (const std::int64_t rows : {4, 9})
        for (const Style& style : {tests::kUtf8, tests::kAscii}) {
          const auto lines = plot(wave(count), {.title = "x", .columns = columns, .rows = rows, .last = 5000}, style);
          ASSERT_EQ(std::ssize(lines), rows);
          for (const Line& line : lines) EXPECT_LE(line.columns(), columns);
        }
  EXPECT_TRUE(plot(wave(3), {.columns = 23}, tests::kUtf8).empty());
}

TEST(Plot, ValuesThatAreNoNumbersOrAllTheSame) {
  EXPECT_EQ(plot({std::nan(""), INFINITY}, {}, tests::kUtf8).size(), 8U);
  const std::string flat = text_of(plot({2, 2, 2}, {}, tests::kAscii), tests::kAscii);
  EXPECT_EQ(std::count(flat.begin(), flat.end(), '*'), 50) << flat;
}

}  // namespace
}  // namespace muster::page
