#include "runtime/reward/grading_child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/reward/protocol.h"

namespace muster::reward {
namespace {

constexpr std::size_t kFlushBytes = 32 << 10;
constexpr std::int64_t kFlushNs = 1'000'000;

void set_limit(__rlimit_resource resource, rlim_t value) {
  const struct rlimit limit { value, value };
  ::setrlimit(resource, &limit);
}

// Address space that the process has already: libraries and what the supervisor held.
rlim_t own_bytes() {
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return static_cast<rlim_t>(pages) * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

void set_limits(const WorkerLimits& limits) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);
  ::prctl(PR_SET_NAME, "reward-grader");
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_CPU, static_cast<rlim_t>(limits.cpu_s) + 1);
#if !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)  // sanitizers map more address space than there is memory
  set_limit(RLIMIT_AS, own_bytes() + static_cast<rlim_t>(limits.max_memory_gb * 1e9));
#endif
}

bool send_all(int fd, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
  return true;
}

/// Grades lines one by one; replies come in the order of the lines.
class Grader {
 public:
  Grader(ChildPage& page, const WorkerLimits& limits, std::string& out) : page_(page), limits_(limits), out_(out) {}

  void take(std::string_view line) {
    page_.begin_ns.store(steady_ns());
    page_.answer.store(++graded_);
    Reply reply{.id = -1, .grade = {0, Outcome::failed}};
    try {
      Request request = parse_request(line);
      reply.id = request.id;
      request.settings.allow_test_kinds = limits_.allow_test_kinds;
      reply.grade = grade(request.kind, request.answer, request.gold, request.settings);
    } catch (const Error& error) {  // an unknown kind or a broken line: this answer cannot be graded
      reply.note = error.faults()[0].what;
    } catch (const std::bad_alloc&) {
      reply.note = "the grader had no memory left";
    } catch (const std::length_error&) {
      reply.note = "the grader had no memory left";
    }
    out_ += reply_line(reply);
    page_.answer.store(0);
  }

 private:
  ChildPage& page_;
  const WorkerLimits& limits_;
  std::string& out_;
  std::int64_t graded_ = 0;
};

}  // namespace

std::int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void run_grading_child(int fd, ChildPage& page, const WorkerLimits& limits) {
  set_limits(limits);
  std::string in, out;
  std::int64_t flushed_ns = steady_ns();
  Grader grader(page, limits, out);
  const auto flush = [&] {
    if (!send_all(fd, out)) ::_exit(0);
    out.clear();
    flushed_ns = steady_ns();
  };
  for (std::string block(64 << 10, '\0');;) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) ::_exit(0);
    std::size_t begin = 0;
    const std::size_t searched = in.size();
    in.append(block, 0, static_cast<std::size_t>(got));
    for (std::size_t end = in.find('\n', searched); end != std::string::npos;
         begin = end + 1, end = in.find('\n', begin)) {
      grader.take(std::string_view(in).substr(begin, end - begin));
      if (out.size() >= kFlushBytes || steady_ns() - flushed_ns >= kFlushNs) flush();
    }
    in.erase(0, begin);
    flush();
    if (base::process_cpu_s() > limits.cpu_s / 2) ::_exit(0);
  }
}

}  // namespace muster::reward
