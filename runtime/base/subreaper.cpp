#include "runtime/base/subreaper.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <string>

#include "runtime/base/clock.h"
#include "runtime/base/process.h"

namespace muster::base {
namespace {

bool contains(std::span<const pid_t> pids, pid_t pid) { return std::find(pids.begin(), pids.end(), pid) != pids.end(); }

}  // namespace

std::vector<pid_t> children() {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (code != std::errc() || end != name.data() + name.size()) continue;
    if (const auto facts = process_facts(pid); facts && facts->parent == ::getpid()) found.push_back(pid);
  }
  return found;
}

Subreaper::Subreaper() : before_(children()) { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

void Subreaper::reap_orphans(std::span<const pid_t> own) const {
  while (true) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    if (contains(own, info.si_pid) || contains(before_, info.si_pid)) return;  // another look has it, or the next
    ::waitpid(info.si_pid, nullptr, WNOHANG);
  }
}

int Subreaper::end_rest(double patience_s) const {
  std::set<pid_t> killed;
  for (const Stopwatch watch; watch.elapsed_s() < patience_s;) {
    // The children of what is killed come to us: the next round has them.
    bool any = false;
    for (const pid_t pid : children()) {
      if (contains(before_, pid)) continue;
      any = true;
      const auto facts = process_facts(pid);
      if (facts && !facts->has_ended && ::kill(pid, SIGKILL) == 0) killed.insert(pid);
      ::waitpid(pid, nullptr, WNOHANG);
    }
    if (!any) break;
    ::usleep(2000);
  }
  return static_cast<int>(killed.size());
}

}  // namespace muster::base
