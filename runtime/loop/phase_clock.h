// Which phase a rank is in, for how long, and its beat. A phase's seconds are what passes between entering it and
// entering the next, so the phases of a step add up to the step by construction.
#pragma once

#include <array>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/comm/communicator.h"
#include "runtime/spec/beat.h"
#include "runtime/spec/memory.h"

namespace muster::loop {

class PhaseClock : public comm::CallObserver {
 public:
  /// beat: the page that the agent watches; null in tests. Starts the thread that beats.
  explicit PhaseClock(spec::BeatPage* beat);

  void begin_step(std::int64_t step);
  void enter(spec::Phase phase);
  /// One event of progress: a micro batch, a decode step, a layer loaded.
  void progress();
  /// Seconds of `phase` since begin_step, the running phase included.
  double seconds(spec::Phase phase) const;
  /// Seconds since begin_step.
  double step_seconds() const { return step_.elapsed_s(); }
  /// Adds seconds to one phase that were spent within another (waiting for rewards within generation).
  void move(spec::Phase from, spec::Phase to, double seconds);

  void before(const comm::Call& call) override;
  void after(const comm::Call& call) override;

 private:
  spec::BeatPage* beat_;
  spec::Phase phase_ = spec::Phase::start;
  std::array<double, spec::kPhases.size()> seconds_{};
  base::Stopwatch running_, step_;
  std::jthread beater_;  // last: it uses beat_
};

}  // namespace muster::loop
