// Signals as events of a loop: blocked, and taken one at a time while the loop waits. No handlers, so nothing runs in
// between.
#pragma once

#include <signal.h>

#include <initializer_list>

namespace muster::base {

/// Blocks its signals for as long as it lives (make it before any thread starts) and hands them out one by one. HUP and
/// INT are left alone where the starter ignores them (nohup, `&` in a script): Linux would queue a blocked one all the
/// same.
/// Children started with start_child have nothing blocked.
class SignalQueue {
 public:
  explicit SignalQueue(std::initializer_list<int> signals);
  SignalQueue(const SignalQueue&) = delete;
  SignalQueue& operator=(const SignalQueue&) = delete;
  ~SignalQueue();
  /// The next signal, as soon as it comes; 0 when none came within `timeout_s`.
  int wait(double timeout_s);

 private:
  sigset_t set_;
  sigset_t before_;
};

}  // namespace muster::base
