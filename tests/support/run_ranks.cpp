#include "tests/support/run_ranks.h"

#include <ATen/Parallel.h>
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <thread>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/random.h"
#include "runtime/base/text.h"
#include "runtime/comm/compared_communicator.h"
#include "runtime/comm/gloo_communicator.h"
#include "runtime/comm/rendezvous.h"

namespace muster::tests {
namespace {

constexpr double kFarewell_s = 2;  // of rank 0, which holds the store, for the others
constexpr std::size_t kShownBytes = 6000;

struct Meeting {
  base::Descriptor listener;
  int port = 0;
  std::string key = base::random_hex(16);
};

Meeting open_meeting() {
  Meeting meeting;
  meeting.listener = base::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(meeting.listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(meeting.listener.get(), 64) != 0 ||
      ::getsockname(meeting.listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("run_ranks cannot listen on loopback");
  meeting.port = ntohs(address.sin_port);
  return meeting;
}

int run_body(RankContext& context, const std::function<void(RankContext&)>& body, const RunRanksOptions& options,
             Meeting& meeting) {
  try {
    at::set_num_threads(1);  // ATen starts no thread pool in a forked process
    context.store = comm::join_rendezvous({.address = "127.0.0.1",
                                           .port = meeting.port,
                                           .key = meeting.key,
                                           .rank = context.rank,
                                           .timeout_s = options.call_timeout_s,
                                           .listening_fd = context.rank == 0 ? meeting.listener.release() : -1});
    meeting.listener.reset();
    if (options.make_world) {
      const comm::GlooOptions gloo{.timeout_s = options.call_timeout_s, .key = meeting.key};
      context.world = comm::make_gloo("world", context.store, context.rank, context.size, gloo);
      if (options.compare_calls && context.size > 1)
        context.world =
            comm::make_compared(std::move(context.world),
                                comm::make_gloo("world (comparing)", context.store, context.rank, context.size, gloo));
    }
    body(context);
    if (context.world != nullptr) context.world->close();
    context.world.reset();
    // Rank 0 holds the store: it leaves last.
    context.store->add("left", 1);
    if (context.rank == 0)
      for (const double begin_s = base::steady_s();
           context.store->add("left", 0) < context.size && base::steady_s() < begin_s + kFarewell_s;)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return testing::Test::HasFailure() ? 1 : 0;
  } catch (const Error& error) {
    std::printf("%s\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::printf("exception: %s\n", error.what());
    return 1;
  }
}

struct Child {
  pid_t pid = 0;
  base::Descriptor output;
  bool running = true;
};

std::string output_of(const base::Descriptor& file) {
  std::string text;
  char buffer[4096];
  off_t offset = 0;
  for (ssize_t count; (count = ::pread(file.get(), buffer, sizeof buffer, offset)) > 0; offset += count)
    text.append(buffer, static_cast<std::size_t>(count));
  if (text.size() > kShownBytes) text = "...\n" + text.substr(text.size() - kShownBytes);
  return text;
}

Child start(int rank, int size, const std::function<void(RankContext&)>& body, const RunRanksOptions& options,
            Meeting& meeting) {
  Child child{.output = base::Descriptor(::memfd_create("rank", MFD_CLOEXEC))};
  const pid_t parent = ::getpid();
  child.pid = ::fork();
  if (child.pid < 0) throw std::runtime_error("run_ranks cannot fork");
  if (child.pid > 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::dup2(child.output.get(), STDOUT_FILENO);
  ::dup2(child.output.get(), STDERR_FILENO);
  int code;
  {
    RankContext context{.rank = rank, .size = size, .key = meeting.key};
    code = run_body(context, body, options, meeting);
  }
  std::fflush(nullptr);
  ::_exit(code);  // the parent's destructors are not this process's
}

}  // namespace

std::vector<RankEnd> ends_of_ranks(int size, const std::function<void(RankContext&)>& body,
                                   const RunRanksOptions& options) {
  std::fflush(nullptr);
  Meeting meeting = open_meeting();
  std::vector<Child> children;
  for (int rank = 0; rank < size; ++rank) children.push_back(start(rank, size, body, options, meeting));
  meeting.listener.reset();

  std::vector<RankEnd> ends(static_cast<std::size_t>(size));
  double deadline_s = base::steady_s() + options.limit_s;
  for (int num_running = size; num_running > 0;) {
    for (std::size_t rank = 0; rank < children.size(); ++rank) {
      int status = 0;
      if (!children[rank].running || ::waitpid(children[rank].pid, &status, WNOHANG) == 0) continue;
      children[rank].running = false;
      --num_running;
      ends[rank].code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
      ends[rank].signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      if (!ends[rank].passed()) deadline_s = std::min(deadline_s, base::steady_s() + options.grace_s);
    }
    if (base::steady_s() > deadline_s)
      for (std::size_t rank = 0; rank < children.size(); ++rank)
        if (children[rank].running) {
          ends[rank].silent = true;
          ::kill(children[rank].pid, SIGKILL);
        }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  for (std::size_t rank = 0; rank < children.size(); ++rank) ends[rank].output = output_of(children[rank].output);
  return ends;
}

void run_ranks(int size, const std::function<void(RankContext&)>& body, const RunRanksOptions& options) {
  const std::vector<RankEnd> ends = ends_of_ranks(size, body, options);
  for (std::size_t rank = 0; rank < ends.size(); ++rank) {
    const RankEnd& end = ends[rank];
    if (end.passed()) continue;
    const std::string how = end.silent ? "was silent and was ended"
                            : end.signal
                                ? base::text("was ended by signal ", end.signal, " (", strsignal(end.signal), ")")
                                : base::text("ended with code ", end.code);
    ADD_FAILURE() << "rank " << rank << " of " << size << " " << how << "; it said:\n" << end.output;
  }
}

}  // namespace muster::tests
