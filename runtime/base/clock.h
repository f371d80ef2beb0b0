// The one steady clock, and the wall clock as text.
#pragma once

#include <chrono>
#include <string>

namespace muster::base {

/// Seconds of the steady clock; only differences mean anything.
double steady_s();
/// Wall clock: seconds since 1970 in UTC.
double wall_clock_s();
/// Wall clock in UTC: "2026-11-23T20:31:07.123Z".
std::string wall_clock_text();
/// Wall clock for file names: "20261123-203107".
std::string wall_clock_stamp();
/// CPU seconds of this process, all threads.
double process_cpu_s();

/// Measures from its making.
class Stopwatch {
 public:
  double elapsed_s() const { return steady_s() - begin_s_; }
  /// Seconds since the last lap (or the making), and starts the next.
  double lap_s();

 private:
  double begin_s_ = steady_s();
};

}  // namespace muster::base
