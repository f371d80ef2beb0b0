// Small drawings: the bar of a run, a curve on one line or on several, the shares of a step's phases.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "launcher/page/terminal.h"

namespace muster::page {

/// `share` 0..1 drawn in `columns` columns, its two edges included; eighths of a column where the style has UTF-8.
std::string bar(double share, std::int64_t columns, const Style& style);

/// How a curve is drawn.
struct CurveFrame {
  std::int64_t columns = 40;
  std::size_t of = 0;  // values that there will be in the end; 0: not known
  double top = 0;      // what the highest sign stands for, unless a value is larger
};
/// The curve of `values`: up to four columns a value where there is room for all that will be, and the mean of
/// neighbours where there are more values than columns. The lowest sign is 0 or the smallest value. Values that are no
/// numbers leave a gap.
std::string sparkline(const std::vector<double>& values, const CurveFrame& frame, const Style& style);

/// A curve with its axes.
struct PlotFrame {
  std::string title;                    // the newest value stands behind it
  std::int64_t columns = 60, rows = 8;  // of all of it: title, curve, and the line below with first and last step
  std::int64_t first = 1, last = 1;     // step of the first and of the last value
};
/// At least four rows and 24 columns, or nothing. The curve spans the smallest and the largest value; values that are
/// no numbers leave a gap. Dots of a quarter of a row and half a column where the style has UTF-8.
std::vector<Line> plot(const std::vector<double>& values, const PlotFrame& frame, const Style& style);

/// One phase of a step and its part of the step's seconds.
struct PhaseShare {
  std::string name;  // "generate"
  char letter = '?';
  Ink ink = Ink::plain;
  double seconds = 0;
  double share = 0;  // 0..1
};
/// From the phases of a record ("generate_s": 2.1, ...), in the order of a step; log and other together as "other".
/// Phases that took no time are left out.
std::vector<PhaseShare> phase_shares(const std::map<std::string, double>& phases);

/// The shares side by side in `columns` columns: blocks of their colours, or their letters without colours.
Line phase_bar(const std::vector<PhaseShare>& shares, std::int64_t columns, const Style& style);
/// One part a phase, its sign and "generate 26 %", so that all of them, each with two blanks before it, take `columns`
/// at most. Below 0.5 % it is left out, and then the smallest ones, as long as there is no room;
/// "other" counts half.
std::vector<Line> phase_legend(const std::vector<PhaseShare>& shares, std::int64_t columns, const Style& style);

}  // namespace muster::page
