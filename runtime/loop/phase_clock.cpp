#include "runtime/loop/phase_clock.h"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "runtime/base/text.h"

namespace muster::loop {

PhaseClock::PhaseClock(spec::BeatPage* beat) : beat_(beat) {
  if (beat_ == nullptr) return;
  beater_ = std::jthread([page = beat_](const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "beat");
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      page->beats.fetch_add(1);
      wake.wait_for(lock, stop, std::chrono::milliseconds(300), [] { return false; });
    }
  });
}

void PhaseClock::begin_step(std::int64_t step) {
  seconds_ = {};
  peaks_ = {};
  running_.lap_s();
  step_.lap_s();
  if (beat_ != nullptr) beat_->step.store(step);
}

void PhaseClock::keep_peak() {
  if (!watched_) return;
  spec::MemoryFigures& peak = peaks_[static_cast<std::size_t>(phase_)];
  if (const spec::MemoryFigures now = ops::peak_bytes(*watched_); now.total() > peak.total()) peak = now;
  ops::begin_peak(*watched_);
}

void PhaseClock::restart_peak() {
  if (watched_) ops::begin_peak(*watched_);
}

void PhaseClock::enter(spec::Phase phase) {
  keep_peak();
  if (tell_) tell_(phase_);
  seconds_[static_cast<std::size_t>(phase_)] += running_.lap_s();
  phase_ = phase;
  if (beat_ != nullptr) beat_->phase.store(static_cast<std::uint32_t>(phase));
  progress();
}

void PhaseClock::progress() {
  if (beat_ != nullptr) beat_->progress.fetch_add(1);
}

double PhaseClock::seconds(spec::Phase phase) const {
  return seconds_[static_cast<std::size_t>(phase)] + (phase == phase_ ? running_.elapsed_s() : 0);
}

void PhaseClock::move(spec::Phase from, spec::Phase to, double seconds) {
  seconds_[static_cast<std::size_t>(from)] -= seconds;
  seconds_[static_cast<std::size_t>(to)] += seconds;
}

void PhaseClock::before(const comm::Call& call) {
  in_call_.emplace(spec::MemoryOwner::communicators);
  if (beat_ == nullptr) return;
  spec::set_text(beat_->last_call, base::text(call.communicator, ' ', comm::call_kind_name(call.kind), " #",
                                              call.sequence, ' ', call.label));
  beat_->calls.fetch_add(1);
  beat_->in_call.store(1);
}

void PhaseClock::after(const comm::Call&) {
  in_call_.reset();
  if (beat_ == nullptr) return;
  beat_->in_call.store(0);
  beat_->progress.fetch_add(1);
}

}  // namespace muster::loop
