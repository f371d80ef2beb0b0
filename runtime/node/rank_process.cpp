#include "runtime/node/rank_process.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/node/rank_start.h"
#include "runtime/spec/answer_lengths.h"

namespace muster::node {
namespace {

// Ends of one stream: first for the rank, second for the worker.
std::pair<base::Descriptor, base::Descriptor> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Error::cluster({.what = std::string("no socket pair for a reward worker: ") + std::strerror(errno)});
  return {base::Descriptor(ends[0]), base::Descriptor(ends[1])};
}

// True when the process has ended and waits to be reaped; its group is killed first, as long as its number cannot be
// another's.
bool ended(pid_t pid) {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
    return false;
  ::kill(-pid, SIGKILL);
  return true;
}

// The lines of a message, where each begins as a sentence of its own.
std::string one_line(const std::string& message) {
  std::string joined;
  for (const std::string& line : base::split(message, '\n')) {
    const std::string part = base::trim(line);
    if (part.empty()) continue;
    if (!joined.empty()) joined += std::string_view(".?!:;").find(joined.back()) == std::string::npos ? "; " : " ";
    joined += part;
  }
  return joined;
}

}  // namespace

RankProcess::RankProcess(const spec::Plan& plan, const spec::RankPlan& rank, const std::filesystem::path& plan_file,
                         const std::filesystem::path& placement_file, const std::filesystem::path& binaries,
                         const std::filesystem::path& log)
    : rank_(rank.rank),
      beat_(spec::Beat::make()),
      log_(std::make_unique<base::LimitedLog>(log, plan.job.log.max_mb * 1'000'000)) {
  spec::RankEnv told{.rank = rank.rank, .plan = plan_file, .placement = placement_file, .beat_fd = beat_.fd()};
  std::vector<base::Descriptor> rank_ends;
  try {
    for (std::int64_t i = 0; scores(plan, rank) && !spec::is_synthetic(plan.job) && i < plan.job.reward.workers; ++i) {
      auto [rank_end, worker_end] = socket_pair();
      workers_.push_back({base::start_child(worker_child(plan, rank, worker_end.get(), binaries, log_->fd()))});
      told.reward_fds.push_back(rank_end.get());
      rank_ends.push_back(std::move(rank_end));
    }
    pid_ = base::start_child(rank_child(plan, rank, told, binaries, log_->fd()));
  } catch (const Error&) {
    kill_all();
    finish_workers(1);
    throw;
  }
}

bool RankProcess::reap() {
  if (end_ || !ended(pid_)) return false;
  end_ = base::wait_child(pid_, true);
  return end_.has_value();
}

void RankProcess::signal(int number) const {
  if (!end_) base::signal_child(pid_, number);
}

void RankProcess::end_as_silent(const std::string& reason) {
  silent_ = true;
  reason_ = reason;
  signal(SIGKILL);
}

void RankProcess::kill_all() {
  if (pid_ > 0) signal(SIGKILL);
  for (const Worker& worker : workers_)
    if (worker.runs) base::signal_child(worker.pid, SIGKILL);
}

void RankProcess::finish_workers(double patience_s) {
  const base::Stopwatch watch;
  for (Worker& worker : workers_) {
    while (worker.runs && !ended(worker.pid) && watch.elapsed_s() < patience_s) ::usleep(2000);
    if (!worker.runs) continue;
    base::signal_child(worker.pid, SIGKILL);
    base::wait_child(worker.pid, true);
    worker.runs = false;
  }
}

std::vector<std::string> RankProcess::lost_workers() {
  std::vector<std::string> lines;
  for (Worker& worker : workers_) {
    if (!worker.runs || !ended(worker.pid)) continue;
    const base::ChildEnd end = base::wait_child(worker.pid, true).value_or(base::ChildEnd{});
    worker.runs = false;
    const bool was_let_go = end.code == 0 && end.signal == 0;  // its rank, about to end, closed the connection
    if (!end_ && !was_let_go)
      lines.push_back(base::text("a reward worker of rank ", rank_, " ended (code ", end.code, ", signal ", end.signal,
                                 ") while its rank ran"));
  }
  return lines;
}

std::vector<pid_t> RankProcess::running() const {
  std::vector<pid_t> pids;
  if (!end_) pids.push_back(pid_);
  for (const Worker& worker : workers_)
    if (worker.runs) pids.push_back(worker.pid);
  return pids;
}

RankSnapshot RankProcess::snapshot() const {
  const spec::BeatPage& page = beat_.page();
  return {.rank = rank_,
          .beats = page.beats.load(),
          .progress = page.progress.load(),
          .calls = page.calls.load(),
          .in_call = page.in_call.load() != 0,
          .phase = static_cast<spec::Phase>(std::min<std::uint32_t>(page.phase.load(), spec::kPhases.size() - 1))};
}

spec::ExitRecord RankProcess::record(const std::string& host, const std::string& attempt_id) const {
  const std::string said = one_line(spec::text_of(beat_.page().message));
  const base::ChildEnd end = end_.value_or(base::ChildEnd{.signal = SIGKILL});
  const bool own_success = end.code == 0 && end.signal == 0;
  spec::ExitRecord record{.rank = rank_,
                          .host = host,
                          .attempt_id = attempt_id,
                          .code = end.code,
                          .signal = end.signal,
                          .ended_by_agent = ended_by_agent_ && !own_success && !silent_,
                          .silent = silent_,
                          .peak_memory_bytes = end.peak_memory_bytes,
                          .cpu_s = end.cpu_s,
                          .phase = spec::phase_name(snapshot().phase),
                          .last_call = one_line(spec::text_of(beat_.page().last_call)),
                          .message = silent_ ? reason_ : said};
  if (!end_) record.message = "it could not be killed (it waits in the kernel for a device or a file system)";
  return record;
}

}  // namespace muster::node
