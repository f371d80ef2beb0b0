#include "runtime/loop/phase_clock.h"

#include <gtest/gtest.h>

#include <thread>

namespace muster::loop {
namespace {

TEST(PhaseClock, PhasesAddUpToTheStep) {
  PhaseClock clock(nullptr);
  clock.begin_step(1);
  for (const spec::Phase phase : {spec::Phase::generate, spec::Phase::train, spec::Phase::refit}) {
    clock.enter(phase);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  clock.move(spec::Phase::generate, spec::Phase::reward, 0.002);
  clock.enter(spec::Phase::log);
  double sum = 0;
  for (const spec::Phase phase : spec::kPhases) sum += clock.seconds(phase);
  EXPECT_NEAR(sum, clock.step_seconds(), 1e-3);
  EXPECT_NEAR(clock.seconds(spec::Phase::reward), 0.002, 1e-9);
}

TEST(PhaseClock, BeatsAndTellsPhaseAndLastCall) {
  spec::Beat beat = spec::Beat::make();
  PhaseClock clock(&beat.page());
  clock.begin_step(7);
  clock.enter(spec::Phase::train);
  clock.before({.communicator = "train.dp", .kind = comm::CallKind::all_reduce, .label = "grads", .sequence = 12});
  EXPECT_EQ(beat.page().in_call.load(), 1u);
  EXPECT_EQ(spec::text_of(beat.page().last_call), "train.dp all_reduce #12 grads");
  clock.after({});
  EXPECT_EQ(beat.page().in_call.load(), 0u);
  EXPECT_EQ(beat.page().step.load(), 7);
  EXPECT_EQ(beat.page().phase.load(), static_cast<std::uint32_t>(spec::Phase::train));
  const auto beats = beat.page().beats.load();
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  EXPECT_GT(beat.page().beats.load(), beats);
}

}  // namespace
}  // namespace muster::loop
