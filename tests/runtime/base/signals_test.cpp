#include "runtime/base/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/process.h"

namespace muster::base {
namespace {

TEST(SignalQueue, HandsOutWhatCameAndThenNothing) {
  SignalQueue queue({SIGUSR1, SIGUSR2});
  ::kill(::getpid(), SIGUSR2);
  EXPECT_EQ(queue.wait(1), SIGUSR2);
  EXPECT_EQ(queue.wait(0), 0);
}

TEST(SignalQueue, AChildThatEndsWakesTheWaiter) {
  SignalQueue queue({SIGCHLD});
  const pid_t child = start_child({.command = {"/bin/true"}});
  const Stopwatch watch;
  EXPECT_EQ(queue.wait(10), SIGCHLD);
  EXPECT_LT(watch.elapsed_s(), 5);
  EXPECT_TRUE(wait_child(child, true).has_value());
}

TEST(SignalQueue, AChildHasNothingBlocked) {
  SignalQueue queue({SIGTERM});
  const pid_t child = start_child({.command = {"/bin/sleep", "30"}});
  signal_child(child, SIGTERM);
  EXPECT_EQ(wait_child(child, true).value().signal, SIGTERM);
}

}  // namespace
}  // namespace muster::base
