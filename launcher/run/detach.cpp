#include "launcher/run/detach.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runtime/base/error.h"
#include "runtime/base/open_for_writing.h"
#include "runtime/base/process.h"
#include "runtime/base/signals.h"
#include "runtime/base/text.h"

namespace muster::run {
namespace {

constexpr double kPollInterval_s = 0.05;

// Waits until the other side has closed the pipe, and returns what it wrote.
std::string read_page(const base::Descriptor& pipe, pid_t background, base::SignalQueue& signals) {
  ::fcntl(pipe.get(), F_SETFL, O_NONBLOCK);
  std::string page;
  while (true) {
    char buffer[4096];
    const ssize_t count = ::read(pipe.get(), buffer, sizeof buffer);
    if (count > 0) page.append(buffer, static_cast<std::size_t>(count));
    if (count == 0) return page;
    if (count > 0) continue;
    if (const int signal = signals.wait(kPollInterval_s); signal != 0) ::kill(background, signal);
  }
}

}  // namespace

std::optional<int> detach(Background& background) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error::cluster({.what = std::string("no pipe: ") + std::strerror(errno)});
  base::Descriptor read_end(ends[0]), write_end(ends[1]);
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw Error::cluster({.what = std::string("cannot fork: ") + std::strerror(errno)});
  if (pid == 0) {
    ::setsid();
    const base::Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    ::dup2(nothing.get(), STDIN_FILENO);
    background.starter_ = std::move(write_end);
    return std::nullopt;
  }
  write_end.reset();
  base::SignalQueue signals({SIGINT, SIGTERM, SIGHUP});
  const std::string page = read_page(read_end, pid, signals);
  if (!page.empty()) {
    base::print(stdout, page);
    return 0;
  }
  const base::ChildEnd end = base::wait_child(pid, true).value_or(base::ChildEnd{.code = 70});
  return end.signal != 0 ? 128 + end.signal : end.code;
}

void Background::print_to(const std::filesystem::path& log) {
  const base::Descriptor file = base::open_for_writing(log, O_WRONLY | O_APPEND);
  std::fflush(stdout);
  ::dup2(file.get(), STDOUT_FILENO);
}

void Background::report_begun(const std::string& page) {
  std::fflush(stderr);
  ::dup2(STDOUT_FILENO, STDERR_FILENO);
  // A starter that is gone does not matter: the run has begun.
  (void)!::write(starter_.get(), page.data(), page.size());
  starter_.reset();
}

}  // namespace muster::run
