#include "launcher/slurm/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "launcher/slurm/environment.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"

namespace muster::slurm {
namespace {

struct Pipe {
  base::Descriptor read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error::cluster({.what = std::string("no pipe: ") + std::strerror(errno)});
  return {base::Descriptor(ends[0]), base::Descriptor(ends[1])};
}

std::vector<char*> words_of(const std::vector<std::string>& list) {
  std::vector<char*> words;
  for (const std::string& word : list) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  return words;
}

pid_t spawn(const std::vector<std::string>& command, int output, int errors,
            const std::vector<std::string>& environment) {
  const std::vector<char*> words = words_of(command);
  const std::vector<char*> lines = words_of(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, errors, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int code = ::posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), lines.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0)
    throw Error::cluster({.what = base::text("cannot start ", command[0], ": ", std::strerror(code)),
                          .fix = "Slurm's commands must be on PATH here (a login node, or inside a job)"});
  return pid;
}

// Appends what is there; false at the end of the stream.
bool take(int fd, std::string& text) {
  char buffer[1 << 14];
  const ssize_t count = ::read(fd, buffer, sizeof buffer);
  if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && errno == EINTR);
}

}  // namespace

CommandResult run_command(const std::vector<std::string>& command, double timeout_s,
                          const std::optional<std::vector<std::string>>& environment) {
  Pipe output = make_pipe();
  Pipe errors = make_pipe();
  const pid_t pid = spawn(command, output.write.get(), errors.write.get(),
                          environment ? *environment : command_environment(own_environment()));
  output.write.reset();
  errors.write.reset();
  CommandResult result;
  const base::Stopwatch watch;
  while (output.read || errors.read) {
    const double left_s = timeout_s - watch.elapsed_s();
    if (left_s <= 0) {
      result.timed_out = true;
      ::kill(pid, SIGKILL);
      break;
    }
    std::array<pollfd, 2> ends{pollfd{output.read.get(), POLLIN, 0}, pollfd{errors.read.get(), POLLIN, 0}};
    ::poll(ends.data(), ends.size(), static_cast<int>(left_s * 1000) + 1);
    if (ends[0].revents != 0 && !take(output.read.get(), result.output)) output.read.reset();
    if (ends[1].revents != 0 && !take(errors.read.get(), result.errors)) errors.read.reset();
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace muster::slurm
