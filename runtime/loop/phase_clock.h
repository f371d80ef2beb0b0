// Which phase a rank is in, for how long, and its beat. A phase's seconds are what passes between entering it and
// entering the next, so the phases of a step add up to the step by construction.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "runtime/base/clock.h"
#include "runtime/comm/communicator.h"
#include "runtime/ops/memory_tracking.h"
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
  /// From now on the most that tensors of the kind held in each phase is remembered.
  void watch_memory(ops::TrackedDevice kind) { watched_ = kind; }
  /// At the moment of most bytes in `phase` since begin_step, by owner; all 0 where nothing is watched.
  const spec::MemoryFigures& peak(spec::Phase phase) const { return peaks_[static_cast<std::size_t>(phase)]; }
  /// What the running phase held so far does not count.
  void restart_peak();
  /// Called with each phase as it is left.
  void on_leave(std::function<void(spec::Phase)> tell) { tell_ = std::move(tell); }
  /// Seconds of `phase` since begin_step, the running phase included.
  double seconds(spec::Phase phase) const;
  /// Seconds since begin_step.
  double step_seconds() const { return step_.elapsed_s(); }
  /// Adds seconds to one phase that were spent within another (waiting for rewards within generation).
  void move(spec::Phase from, spec::Phase to, double seconds);

  void before(const comm::Call& call) override;
  void after(const comm::Call& call) override;
  void waits() override { progress(); }

 private:
  void keep_peak();

  spec::BeatPage* beat_;
  spec::Phase phase_ = spec::Phase::start;
  std::array<double, spec::kPhases.size()> seconds_{};
  std::array<spec::MemoryFigures, spec::kPhases.size()> peaks_{};
  std::optional<ops::TrackedDevice> watched_;
  std::function<void(spec::Phase)> tell_;
  std::optional<ops::Owner> in_call_;  // what a communicator takes for a call is its own
  base::Stopwatch running_, step_;
  std::jthread beater_;  // last: it uses beat_
};

}  // namespace muster::loop
