#include "launcher/supervise/stand_by.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/signals.h"
#include "runtime/base/text.h"

namespace muster::supervise {

std::optional<base::ChildEnd> stand_by() {
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  std::optional<base::SignalQueue> signals(std::in_place,
                                           std::initializer_list<int>{SIGINT, SIGTERM, SIGHUP, SIGUSR2, SIGCHLD});
  const pid_t child = ::fork();
  if (child < 0) throw Error::cluster({.what = base::text("the supervisor cannot be started: ", std::strerror(errno))});
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(128 + SIGKILL);
    signals.reset();  // what came in between comes now
    return std::nullopt;
  }
  for (;;) {
    const int signal = signals->wait(1);
    if (signal != 0 && signal != SIGCHLD) ::kill(child, signal == SIGINT ? SIGTERM : signal);
    if (const std::optional<base::ChildEnd> end = base::wait_child(child, false)) return end;
  }
}

}  // namespace muster::supervise
