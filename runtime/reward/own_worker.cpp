// fork, and a socket pair between.
#include "runtime/reward/own_worker.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "runtime/base/error.h"

namespace muster::reward {

OwnWorker::OwnWorker(const WorkerLimits& limits) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Error::cluster({.what = std::string("no socket pair for a reward worker: ") + std::strerror(errno)});
  client_end_ = base::Descriptor(ends[0]);
  base::Descriptor worker_end(ends[1]);
  pid_ = ::fork();
  if (pid_ < 0) throw Error::cluster({.what = std::string("cannot start a reward worker: ") + std::strerror(errno)});
  if (pid_ == 0) {
    client_end_.reset();
    ::_exit(serve_rewards(worker_end.release(), limits));
  }
}

OwnWorker::~OwnWorker() {
  client_end_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace muster::reward
