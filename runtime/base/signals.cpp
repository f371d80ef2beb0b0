#include "runtime/base/signals.h"

#include <ctime>

#include "runtime/base/inherited.h"

namespace muster::base {

SignalQueue::SignalQueue(std::initializer_list<int> signals) {
  sigemptyset(&set_);
  for (const int signal : signals)
    if ((signal != SIGHUP && signal != SIGINT) || !ignores(signal)) sigaddset(&set_, signal);
  ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
}

SignalQueue::~SignalQueue() {
  while (wait(0) != 0) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int SignalQueue::wait(double timeout_s) {
  timespec timeout{};
  timeout.tv_sec = static_cast<time_t>(timeout_s);
  timeout.tv_nsec = static_cast<long>((timeout_s - static_cast<double>(timeout.tv_sec)) * 1e9);
  const int signal = ::sigtimedwait(&set_, nullptr, &timeout);
  return signal > 0 ? signal : 0;
}

}  // namespace muster::base
