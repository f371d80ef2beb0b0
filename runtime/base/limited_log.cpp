#include "runtime/base/limited_log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "runtime/base/error.h"
#include "runtime/base/open_for_writing.h"
#include "runtime/base/text.h"

namespace muster::base {
namespace {

constexpr int kPipe_bytes = 1 << 20, kPipeBlock_bytes = 64 << 10;

}  // namespace

LimitedLog::LimitedLog(const std::filesystem::path& path, std::int64_t most_bytes) : most_bytes_(most_bytes) {
  file_ = open_for_writing(path, O_WRONLY | O_APPEND);
  left_ = most_bytes_ - ::lseek(file_.get(), 0, SEEK_END);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw Error::cluster({.what = text("no pipe for a log: ", std::strerror(errno)), .where = path.string()});
  output_ = Descriptor(ends[0]);
  input_ = Descriptor(ends[1]);
  ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(output_.get(), F_SETPIPE_SZ, kPipe_bytes);
  stop_ = Descriptor(::eventfd(0, EFD_CLOEXEC));
  if (!stop_) throw Error::cluster({.what = text("no event descriptor for a log: ", std::strerror(errno))});
  sigset_t all, before;  // signals are for the threads that wait for them
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::jthread([this] { run(stop_.get()); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LimitedLog::~LimitedLog() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
}

void LimitedLog::run(int stop_fd) {
  ::pthread_setname_np(::pthread_self(), "log-limit");
  for (;;) {
    pollfd polled[2] = {{output_.get(), POLLIN, 0}, {stop_fd, POLLIN, 0}};
    ::poll(polled, 2, -1);
    if (polled[1].revents & POLLIN) break;
    move_block();
  }
  // What is in the pipe, and not what a writer that stays adds to it.
  for (int blocks = kPipe_bytes / kPipeBlock_bytes + 1; blocks > 0 && move_block(); --blocks) {
  }
}

// False when nothing is there.
bool LimitedLog::move_block() {
  char block[kPipeBlock_bytes];
  const ssize_t got = ::read(output_.get(), block, sizeof block);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;
  if (left_ < 0) return true;
  write_all(block, static_cast<std::size_t>(std::min<std::int64_t>(got, left_)));
  left_ -= got;
  if (left_ >= 0) return true;
  left_ = -1;
  const std::string cut =
      text("\nmuster: this log is cut here, at ", most_bytes_ / 1'000'000, " MB (log.max_mb); the rest is dropped\n");
  write_all(cut.data(), cut.size());
  return true;
}

// What a full disk does not take is dropped too.
void LimitedLog::write_all(const char* data, std::size_t size) const {
  while (size > 0) {
    const ssize_t written = ::write(file_.get(), data, size);
    if (written < 0 && errno != EINTR) return;
    if (written <= 0) continue;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
}

LimitedOutput::LimitedOutput(const std::filesystem::path& path, std::int64_t most_bytes)
    : log_(path, most_bytes),
      output_(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)),
      error_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) {
  std::fflush(nullptr);
  ::dup2(log_.fd(), STDOUT_FILENO);
  ::dup2(log_.fd(), STDERR_FILENO);
}

LimitedOutput::~LimitedOutput() {
  std::fflush(nullptr);
  ::dup2(output_.get(), STDOUT_FILENO);
  ::dup2(error_.get(), STDERR_FILENO);
}

}  // namespace muster::base
