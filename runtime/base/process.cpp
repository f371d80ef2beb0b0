#include "runtime/base/process.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/inherited.h"
#include "runtime/base/open_for_writing.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

namespace muster::base {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
  list.push_back(nullptr);
  return list;
}

// Where the system does not allow it, the kernel chooses as usual.
void raise_oom_score() {
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  (void)!::write(file, "1000", 4);
  ::close(file);
}

// Runs in the child between fork and exec: only async-signal-safe calls. Returns the errno of what failed.
int become(const ChildOptions& options, char* const* arguments, char* const* environment, int output, pid_t parent,
           int report) {
  if (options.own_group) ::setpgid(0, 0);
  if (options.dies_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD, SIGHUP, SIGXFSZ})
    if (!options.keeps_ignored || (signal != SIGINT && signal != SIGHUP) || !ignores(signal)) ::signal(signal, SIG_DFL);
  if (options.input >= 0 && ::dup2(options.input, 0) < 0) return errno;
  if (output >= 0 && (::dup2(output, 1) < 0 || ::dup2(output, 2) < 0)) return errno;
  if (options.output_fd >= 0 && ::dup2(options.output_fd, 1) < 0) return errno;
  if (options.error_fd >= 0 && ::dup2(options.error_fd, 2) < 0) return errno;
  if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) return errno;
  if (!options.cpus.empty()) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int cpu : options.cpus) CPU_SET(cpu, &set);
    if (::sched_setaffinity(0, sizeof set, &set) != 0) return errno;
  }
  if (options.memory_node) prefer_memory_node(*options.memory_node);
  if (options.killed_first) raise_oom_score();
  if (options.memory_bytes > 0) {
    const rlimit limit{static_cast<rlim_t>(options.memory_bytes), static_cast<rlim_t>(options.memory_bytes)};
    ::setrlimit(RLIMIT_AS, &limit);
  }
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  for (const int fd : options.inherit) ::fcntl(fd, F_SETFD, 0);
  ::fcntl(report, F_SETFD, FD_CLOEXEC);
  ::execvpe(arguments[0], arguments, environment);
  return errno;
}

}  // namespace

pid_t start_child(const ChildOptions& options) {
  INVARIANT(!options.command.empty(), "a child has a command");
  const std::vector<char*> arguments = pointers(options.command);
  static const std::vector<std::string> kNone;
  const std::vector<char*> given = pointers(options.environment ? *options.environment : kNone);
  Descriptor output;
  if (!options.output.empty()) output = open_for_writing(options.output, O_WRONLY | O_APPEND);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error::cluster({.what = std::string("no pipe: ") + std::strerror(errno)});
  Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0)
    throw Error::cluster({.what = std::string("cannot fork: ") + std::strerror(errno), .where = options.command[0]});
  if (pid == 0) {
    const int code =
        become(options, arguments.data(), options.environment ? given.data() : environ, output.get(), parent, ends[1]);
    (void)!::write(ends[1], &code, sizeof code);
    ::_exit(127);
  }
  write_end.reset();
  int code = 0;
  ssize_t count = 0;
  while ((count = ::read(read_end.get(), &code, sizeof code)) < 0 && errno == EINTR) {
  }
  if (count == sizeof code) {
    ::waitpid(pid, nullptr, 0);
    throw Error::cluster({.what = std::string("cannot start: ") + std::strerror(code), .where = options.command[0]});
  }
  return pid;
}

bool prefer_memory_node(int node) {
  constexpr std::size_t kWord = 8 * sizeof(unsigned long);
  std::array<unsigned long, 1024 / kWord> mask{};
  if (node >= 0 && node < 1024)
    mask[static_cast<std::size_t>(node) / kWord] = 1UL << (static_cast<std::size_t>(node) % kWord);
  const int policy = node < 0 ? MPOL_DEFAULT : MPOL_PREFERRED;
  return ::syscall(SYS_set_mempolicy, policy, node < 0 ? nullptr : mask.data(), node < 0 ? 0UL : 1024UL) == 0;
}

std::optional<ChildEnd> wait_child(pid_t pid, bool block) {
  int status = 0;
  rusage usage{};
  pid_t done = 0;
  while ((done = ::wait4(pid, &status, block ? 0 : WNOHANG, &usage)) < 0 && errno == EINTR) {
  }
  if (done <= 0) return std::nullopt;
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return ChildEnd{.pid = done,
                  .code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                  .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                  .cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime),
                  .peak_memory_bytes = usage.ru_maxrss * 1024};
}

void signal_child(pid_t pid, int signal, bool group) {
  if (pid > 0) ::kill(group ? -pid : pid, signal);
}

std::optional<ProcessFacts> process_facts(pid_t pid) {
  std::string line;
  try {
    line = read_file("/proc/" + std::to_string(pid) + "/stat");
  } catch (const Error&) {
    return std::nullopt;  // it is gone
  }
  // pid (name) state ppid ...: the name may hold blanks and brackets. From the state on, the start is field 20 (22).
  const std::size_t bracket = line.rfind(')');
  if (bracket == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(bracket + 1));
  char state = 0;
  std::string skipped;
  ProcessFacts facts;
  fields >> state >> facts.parent;
  for (int i = 0; i < 17; ++i) fields >> skipped;
  fields >> facts.start_ticks;
  if (!fields) return std::nullopt;
  facts.has_ended = state == 'Z' || state == 'X';
  return facts;
}

bool is_alive(pid_t pid, std::int64_t start_ticks) {
  const std::optional<ProcessFacts> facts = process_facts(pid);
  return facts && !facts->has_ended && facts->start_ticks == start_ticks;
}

bool signal_process(pid_t pid, std::int64_t start_ticks, int signal) {
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!is_alive(pid, start_ticks)) return false;
  if (!process) return ::kill(pid, signal) == 0;  // a kernel without pidfd_open
  return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

std::filesystem::path executable_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

}  // namespace muster::base
