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
#include "runtime/base/process.h"
#include "runtime/base/text.h"

namespace muster::supervise {
namespace fs = std::filesystem;
using base::text;
using nlohmann::ordered_json;

namespace {

constexpr double kRead_s = 1;
constexpr std::size_t kBlock_bytes = 1 << 20;      // read of one file at once; more only for a longer line
constexpr std::size_t kLongest_bytes = 256 << 20;  // of a line: longer ones are none of ours
constexpr int kPipe_bytes = 1 << 20;

std::string line_of(const ordered_json& object) {
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

/// Up to `count` bytes of a file from an offset; empty when there are none.
std::string read_from(const fs::path& path, std::int64_t offset, std::size_t count) {
  const base::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content;
  if (!file) return content;
  content.resize(count);
  const ssize_t got = ::pread(file.get(), content.data(), count, offset);
  content.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return content;
}

/// Where the next line of a file will begin: behind the last line that is whole.
std::int64_t end_of_lines(const fs::path& path) {
  std::error_code code;
  auto end = static_cast<std::int64_t>(fs::file_size(path, code));
  if (code) return 0;
  while (end > 0) {
    const std::int64_t begin = std::max<std::int64_t>(0, end - static_cast<std::int64_t>(kBlock_bytes));
    const std::size_t newline = read_from(path, begin, static_cast<std::size_t>(end - begin)).rfind('\n');
    if (newline != std::string::npos) return begin + static_cast<std::int64_t>(newline) + 1;
    end = begin;
  }
  return 0;
}

/// The line of a record with its kind in front; empty for lines of other attempts and what is none of ours.
std::string record_line(std::string_view line, const char* record, std::int64_t attempt) {
  const auto object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object() || !object.contains("attempt") || object["attempt"] != attempt) return "";
  return text("{\"record\":\"", record, "\",", line.substr(line.find('{') + 1), "\n");
}

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
    : attempt_(attempt),
      say_(std::move(say)),
      files_{{{"step", paths.steps()},
              {"sample", paths.samples()},
              {"warmup", paths.warmup()},
              {"validation", paths.validation()},
              {"validation_sample", paths.validation_samples()}}} {
  const std::vector<std::string>& command = plan.job.log.command;
  if (command.empty()) return;
  for (Followed& file : files_) file.offset = end_of_lines(file.path);
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
    pid_ = base::start_child(
        {.command = command, .input = read_end.get(), .output = paths.attempt(attempt) / "log_command.log"});
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

void RecordFeed::take_lines(Followed& file) {
  std::string block;
  std::size_t end = std::string::npos;
  for (std::size_t count = kBlock_bytes; count <= kLongest_bytes; count *= 4) {
    block = read_from(file.path, file.offset, count);
    end = block.rfind('\n');
    if (end != std::string::npos || block.size() < count) break;
  }
  if (end == std::string::npos) return;
  for (const std::string& line : base::split(std::string_view(block).substr(0, end), '\n')) {
    const std::string record = record_line(line, file.record, attempt_);
    pending_ += record;
    records_ += record.empty() ? 0 : 1;
  }
  file.offset += static_cast<std::int64_t>(end) + 1;
}

/// False when there was nothing new.
bool RecordFeed::read_more() {
  const std::size_t before = pending_.size();
  for (Followed& file : files_) take_lines(file);
  return pending_.size() > before;
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
