#include "runtime/base/inherited.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "runtime/base/files.h"
#include "runtime/base/process.h"
#include "runtime/base/signals.h"
#include "tests/support/temporary_folder.h"

namespace muster::base {
namespace {

// The exit code of a process of its own that does this.
int code_of(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Inherited, AFileIsNeverOpenedAsAClosedStandardDescriptor) {
  for (const int closed : {0, 1, 2})
    EXPECT_GT(code_of([closed] {
                ::close(closed);
                repair_inherited_state();
                return ::open("/dev/zero", O_RDONLY);
              }),
              2)
        << closed;
  EXPECT_GT(code_of([] {
              for (const int fd : {0, 1, 2}) ::close(fd);
              repair_inherited_state();
              return ::write(1, "x", 1) == 1 && ::write(2, "x", 1) == 1 ? ::open("/dev/zero", O_RDONLY) : 0;
            }),
            2);
}

TEST(Inherited, AChildCanBeWaitedForThoughTheStarterIgnoredItsSignal) {
  EXPECT_EQ(code_of([] {
              ::signal(SIGCHLD, SIG_IGN);
              repair_inherited_state();
              const auto end = wait_child(start_child({.command = {"/bin/sh", "-c", "exit 7"}}), true);
              return end ? end->code : 1;
            }),
            7);
}

TEST(Inherited, AWriteThatNobodyReadsIsAnErrorAndNotTheEnd) {
  EXPECT_EQ(code_of([] {
              ignore_broken_pipes();
              int ends[2];
              if (::pipe(ends) != 0) return 1;
              ::close(ends[0]);
              return ::write(ends[1], "x", 1) < 0 && errno == EPIPE ? 3 : 2;
            }),
            3);
}

TEST(Inherited, AHangupThatWasIgnoredStaysSoInTheQueueAndInChildrenThatKeepIt) {
  EXPECT_EQ(code_of([] {
              ::signal(SIGHUP, SIG_IGN);
              ::signal(SIGINT, SIG_IGN);
              SignalQueue queue({SIGHUP, SIGINT, SIGTERM});
              for (const int number : {SIGHUP, SIGINT, SIGTERM}) ::kill(::getpid(), number);
              if (queue.wait(1) != SIGTERM || queue.wait(0) != 0) return 1;
              const auto ended_by = [](bool keeps) {
                const pid_t child =
                    start_child({.command = {"/bin/sh", "-c", "kill -HUP $$; kill -TERM $$"}, .keeps_ignored = keeps});
                return wait_child(child, true).value().signal;
              };
              return ended_by(true) == SIGTERM && ended_by(false) == SIGHUP ? 0 : 2;
            }),
            0);
}

}  // namespace
}  // namespace muster::base
