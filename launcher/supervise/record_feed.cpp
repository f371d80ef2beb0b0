#include "launcher/supervise/record_feed.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/json_text.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

namespace muster::supervise {

using records::Verdict;
namespace fs = std::filesystem;
using base::text;
using nlohmann::ordered_json;

namespace {

constexpr double kRead_s = 1;
constexpr int kPipe_bytes = 1 << 20;

std::string line_of(const ordered_json& object) { return base::json_text(object) + "\n"; }

/// A write to a pipe that nobody reads is an error here, not the end of this process.
class NoBrokenPipe {
 public:
  NoBrokenPipe() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~NoBrokenPipe() {
    const timespec now{};
    while (::sigtimedwait(&set_, nullptr, &now) > 0) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoBrokenPipe(const NoBrokenPipe&) = delete;

 private:
  sigset_t set_{}, before_{};
};

}  // namespace

RecordFeed::RecordFeed(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t attempt,
                       std::function<void(const std::string&)> say)
    : attempt_(attempt), say_(std::move(say)), lines_(paths, attempt) {
  const std::vector<std::string>& command = plan.job.log.command;
  if (command.empty()) return;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    lose(std::string("got no pipe: ") + std::strerror(errno));
    return;
  }
  const base::Descriptor read_end(ends[0]);
  line_ = base::Descriptor(ends[1]);
  ::fcntl(line_.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(line_.get(), F_SETPIPE_SZ, kPipe_bytes);
  try {
    log_.emplace(paths.attempt(attempt) / "log_command.log", plan.job.log.max_mb * 1'000'000);
    pid_ = base::start_child({.command = command,
                              .input = read_end.get(),
                              .output_fd = log_->fd(),
                              .error_fd = log_->fd(),
                              .keeps_ignored = true});
  } catch (const Error& error) {
    lose(error.faults()[0].what);
    return;
  }
  pending_ = line_of({{"record", "run"},
                      {"name", plan.job.name},
                      {"run_folder", paths.folder.string()},
                      {"attempt", attempt},
                      {"steps", plan.job.grpo.steps}});
}

RecordFeed::~RecordFeed() {
  if (pid_ == 0) return;
  base::signal_child(pid_, SIGKILL);
  base::wait_child(pid_, true);
}

void RecordFeed::lose(const std::string& why) {
  pid_ = 0;
  line_.reset();
  pending_.clear();
  say_(text("warning: log.command ", why, "; records are written to the run folder all the same"));
}

bool RecordFeed::look_whether_it_ended() {
  if (pid_ == 0) return true;
  const std::optional<base::ChildEnd> end = base::wait_child(pid_, false);
  if (!end) return false;
  if (line_) {
    lose(text("ended ", end->signal != 0 ? text("by signal ", end->signal) : text("with code ", end->code), " after ",
              records_, " records"));
  } else if (end->code != 0 || end->signal != 0) {
    lose(text("had all records, and ended ",
              end->signal != 0 ? text("by signal ", end->signal) : text("with code ", end->code)));
  }
  pid_ = 0;
  return true;
}

/// False when there was nothing new.
bool RecordFeed::read_more() {
  const auto hand_over = [&](const char* record, std::string_view line, const nlohmann::json&) {
    pending_ += text("{\"record\":\"", record, "\",", line.substr(line.find('{') + 1), "\n");
  };
  const std::int64_t records = lines_.take(hand_over);
  records_ += records;
  return records > 0;
}

void RecordFeed::send() {
  const NoBrokenPipe guard;
  while (!pending_.empty()) {
    const ssize_t sent = ::write(line_.get(), pending_.data(), pending_.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return;  // it is full, or the program is gone: the next look tells
    pending_.erase(0, static_cast<std::size_t>(sent));
  }
}

void RecordFeed::poll() noexcept {
  try {
    if (look_whether_it_ended()) return;
    if (pending_.empty() && base::steady_s() - read_s_ > kRead_s) {
      if (!read_more()) read_s_ = base::steady_s();  // else there may be more at once
    }
    send();
  } catch (const std::exception& error) {
    base::signal_child(pid_, SIGKILL);
    base::wait_child(pid_, true);
    lose(std::string("was given up: ") + error.what());
  }
}

void RecordFeed::finish(const Verdict& verdict, base::SignalQueue& signals) {
  const base::Stopwatch watch;
  double patience_s = verdict.code > 128 ? kHurry_s : kPatience_s;
  bool told = false;
  while (!look_whether_it_ended() && watch.elapsed_s() < patience_s) {
    if (line_ && pending_.empty() && !read_more()) {
      if (told) line_.reset();
      if (!told)
        pending_ = line_of({{"record", "verdict"},
                            {"attempt", verdict.attempt},
                            {"code", verdict.code},
                            {"sentence", verdict.sentence}});
      told = true;
    }
    if (line_) send();
    const int signal = signals.wait(0.02);
    if (signal == SIGINT || signal == SIGTERM) patience_s = 0;
  }
  if (pid_ == 0) return;
  base::signal_child(pid_, SIGTERM);
  for (const base::Stopwatch grace; grace.elapsed_s() < 1 && !base::wait_child(pid_, false);) ::usleep(20'000);
  base::signal_child(pid_, SIGKILL);
  base::wait_child(pid_, true);
  lose(text("had not ended ", base::seconds_text(watch.elapsed_s()), " after the run, and was ended"));
}

}  // namespace muster::supervise
