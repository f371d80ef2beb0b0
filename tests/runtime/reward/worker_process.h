// A reward worker of a test's own: a forked process that serves one end of a socket pair.
#pragma once

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "runtime/reward/worker.h"

namespace muster::reward {

/// Make them all before the first thread starts.
class WorkerProcess {
 public:
  explicit WorkerProcess(const WorkerLimits& limits) {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    fd_ = ends[0];
    ends_.push_back(ends[0]);
    pid_ = ::fork();
    if (pid_ == 0) {
      for (const int end : ends_) ::close(end);  // those of workers made before, too
      ::_exit(serve_rewards(ends[1], limits));
    }
    ::close(ends[1]);
  }
  ~WorkerProcess() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    wait();
    std::erase(ends_, fd_);
  }
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// The rank's end; whoever takes it closes it.
  int fd() const { return fd_; }
  pid_t pid() const { return pid_; }
  /// Exit code, or 128 + signal.
  int wait() {
    if (pid_ <= 0) return code_;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code_;
  }

 private:
  static inline std::vector<int> ends_;
  int fd_ = -1, code_ = -1;
  pid_t pid_ = -1;
};

}  // namespace muster::reward
