#include "runtime/reward/worker.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <map>
#include <memory>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/text.h"
#include "runtime/reward/grading_child.h"
#include "runtime/reward/program.h"
#include "runtime/reward/protocol.h"

namespace muster::reward {
namespace {

constexpr std::size_t kHeldBytes = 4 << 20;     // of requests, and of replies, before their source has to wait
constexpr std::size_t kAheadBytes = 256 << 10;  // sent to the child before it has replied
constexpr int kFruitlessStarts = 5;             // children that died one after another without a single answer to blame

struct Unmap {
  void operator()(ChildPage* page) const { ::munmap(page, sizeof(ChildPage)); }
};

class Supervisor {
 public:
  Supervisor(int fd, const WorkerLimits& limits) : rank_(fd), limits_(limits) {
    void* memory = ::mmap(nullptr, sizeof(ChildPage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      throw Error::cluster({.what = std::string("no page to share with the grading child: ") + std::strerror(errno)});
    page_.reset(::new (memory) ChildPage);
    start_child();
  }
  ~Supervisor() { end_child(); }

  int run() {
    while (!done_) {
      if (input_closed_ && num_open() == 0 && replies_.empty()) return 0;
      hand_out();
      run_programs();
      beat();
      wait();
    }
    return code_;
  }

 private:
  void start_child();
  void end_child();
  void hand_out();
  void wait();
  void run_programs();
  void beat();
  void read_rank();
  void take_request(std::string line);
  Program& program_of(const std::vector<std::string>& command);
  std::size_t num_open() const;
  std::size_t held_bytes() const;
  void write_rank();
  void read_child();
  void write_child();
  void check_time();
  void child_died();
  void replace_child(Outcome outcome, std::int64_t answer);
  double wait_s() const;
  double child_wait_s() const;
  void stop(int code) {
    done_ = true;
    code_ = code;
  }

  base::Descriptor rank_, child_;
  WorkerLimits limits_;
  std::unique_ptr<ChildPage, Unmap> page_;
  pid_t pid_ = -1;
  std::deque<std::string> waiting_;  // requests without a reply, in order; the first `num_sent_` are with the child
  std::size_t waiting_bytes_ = 0, num_sent_ = 0, ahead_bytes_ = 0;
  std::int64_t num_replied_ = 0;  // of this child
  int fruitless_ = 0;
  std::map<std::string, Program> programs_;  // by their commands
  double sent_s_ = base::steady_s();         // when the rank was last written to
  std::string request_part_, reply_part_;    // lines that are not complete
  std::string to_child_, replies_;
  bool input_closed_ = false, done_ = false;
  int code_ = 0;
};

void Supervisor::start_child() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Error::cluster({.what = std::string("no socket pair for the grading child: ") + std::strerror(errno)});
  child_ = base::Descriptor(ends[0]);
  base::Descriptor other(ends[1]);
  page_->answer.store(0);
  pid_ = ::fork();
  if (pid_ < 0) throw Error::cluster({.what = std::string("cannot start a grading child: ") + std::strerror(errno)});
  if (pid_ == 0) {
    rank_.reset();
    child_.reset();
    run_grading_child(other.get(), *page_, limits_);
  }
  num_sent_ = ahead_bytes_ = 0;
  num_replied_ = 0;
  reply_part_.clear();
  to_child_.clear();
}

void Supervisor::end_child() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);  // and the programs that it started
  ::kill(pid_, SIGKILL);   // where it had no time to make its group
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

// The child gets a little ahead, never all: what it was given has to be given again when it dies.
void Supervisor::hand_out() {
  while (num_sent_ < waiting_.size() && (ahead_bytes_ < kAheadBytes || num_sent_ == 0)) {
    to_child_ += waiting_[num_sent_];
    ahead_bytes_ += waiting_[num_sent_].size();
    ++num_sent_;
  }
}

std::size_t Supervisor::num_open() const {
  std::size_t open = waiting_.size();
  for (const auto& [command, program] : programs_) open += program.open();
  return open;
}

std::size_t Supervisor::held_bytes() const {
  std::size_t bytes = waiting_bytes_;
  for (const auto& [command, program] : programs_) bytes += program.open_bytes();
  return bytes;
}

void Supervisor::run_programs() {
  std::vector<Reply> replies;
  for (auto& [command, program] : programs_) program.advance(replies);
  for (const Reply& reply : replies) replies_ += reply_line(reply);
}

void Supervisor::beat() {
  if (!replies_.empty() || num_open() == 0 || base::steady_s() - sent_s_ < kBeat_s) return;
  replies_ = kBeatLine;
}

// Until something has to be done without an event; infinity: never.
double Supervisor::wait_s() const {
  double seconds = num_open() > 0 ? kBeat_s : std::numeric_limits<double>::infinity();
  for (const auto& [command, program] : programs_) seconds = std::min(seconds, program.wait_s());
  return std::min(seconds, child_wait_s());
}

double Supervisor::child_wait_s() const {
  if (waiting_.empty()) return std::numeric_limits<double>::infinity();
  if (page_->answer.load() == 0) return std::min(limits_.timeout_s, 1.0);
  return std::clamp(limits_.timeout_s - static_cast<double>(steady_ns() - page_->begin_ns.load()) * 1e-9, 0.0,
                    limits_.timeout_s) +
         1e-3;
}

void Supervisor::wait() {
  const bool takes_requests = !input_closed_ && held_bytes() < kHeldBytes, takes_replies = replies_.size() < kHeldBytes;
  const auto events = [](bool in, bool out) { return static_cast<short>((in ? POLLIN : 0) | (out ? POLLOUT : 0)); };
  const short of_child = events(takes_replies, !to_child_.empty());
  std::vector<pollfd> polled = {{rank_.get(), events(takes_requests, !replies_.empty()), 0},
                                {of_child ? child_.get() : -1, of_child, 0}};
  for (const auto& [command, program] : programs_) program.add_to(polled);
  const double seconds = wait_s();
  if (::poll(polled.data(), polled.size(), std::isinf(seconds) ? -1 : static_cast<int>(seconds * 1e3) + 1) < 0) {
    if (errno != EINTR) stop(3);
    return;
  }
  // The other end is gone altogether: nobody waits for the answers that are left.
  if ((polled[0].revents & (POLLERR | POLLNVAL)) || ((polled[0].revents & POLLHUP) && !(polled[0].revents & POLLIN)))
    return stop(0);
  if (polled[0].revents & POLLIN) read_rank();
  if (polled[0].revents & POLLOUT) write_rank();
  if (polled[1].revents & POLLOUT) write_child();
  if (!done_ && (polled[1].revents & (POLLIN | POLLHUP | POLLERR)) && takes_replies) read_child();
  if (!done_) check_time();
}

void Supervisor::read_rank() {
  char block[64 << 10];
  const ssize_t got = ::recv(rank_.get(), block, sizeof(block), MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? void() : stop(0);
  if (got == 0) {
    input_closed_ = true;
    return;
  }
  std::size_t begin = 0, searched = request_part_.size();
  request_part_.append(block, static_cast<std::size_t>(got));
  for (std::size_t end; (end = request_part_.find('\n', searched)) != std::string::npos; begin = searched = end + 1) {
    take_request(request_part_.substr(begin, end + 1 - begin));
  }
  request_part_.erase(0, begin);
  if (std::ssize(request_part_) > kMaxLineBytes) stop(3);
}

// To the child, or to a program. Within the text of a member the quotes are escaped, so the words cannot stand there.
void Supervisor::take_request(std::string line) {
  if (line.find(R"("kind":"command")") == std::string::npos) {
    waiting_bytes_ += line.size();
    return waiting_.push_back(std::move(line));
  }
  Reply reply{.id = -1, .grade = {0, Outcome::failed}};
  try {
    const Request request = parse_request(line);
    reply.id = request.id;
    if (!request.settings.command.empty()) return program_of(request.settings.command).ask(request);
    reply.note = "the reward kind command needs a program";
  } catch (const Error& error) {
    reply.note = error.faults()[0].what;
  }
  replies_ += reply_line(reply);
}

Program& Supervisor::program_of(const std::vector<std::string>& command) {
  const ProgramLimits limits{.timeout_s = limits_.timeout_s,
                             .start_timeout_s = limits_.start_timeout_s,
                             .max_memory_gb = limits_.max_memory_gb,
                             .log_bytes = static_cast<std::int64_t>(limits_.log_mb * 1e6),
                             .rank = limits_.rank};
  return programs_.try_emplace(base::join(command, std::string_view("\0", 1)), command, limits).first->second;
}

void Supervisor::write_rank() {
  const ssize_t sent = ::send(rank_.get(), replies_.data(), replies_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) {
    sent_s_ = base::steady_s();
    replies_.erase(0, static_cast<std::size_t>(sent));
  } else if (errno != EAGAIN && errno != EINTR) {
    stop(0);
  }
}

void Supervisor::write_child() {
  const ssize_t sent = ::send(child_.get(), to_child_.data(), to_child_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) to_child_.erase(0, static_cast<std::size_t>(sent));  // a child that is gone shows when it is read
}

void Supervisor::read_child() {
  for (char block[64 << 10];;) {
    const ssize_t got = ::recv(child_.get(), block, sizeof(block), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return child_died();
    reply_part_.append(block, static_cast<std::size_t>(got));
    const std::size_t end = reply_part_.rfind('\n');
    if (end == std::string::npos) continue;
    for (auto lines = std::count(reply_part_.begin(), reply_part_.begin() + static_cast<std::ptrdiff_t>(end) + 1, '\n');
         lines > 0; --lines) {
      if (num_sent_ == 0) return stop(3);  // a reply that nobody asked for
      ahead_bytes_ -= waiting_.front().size();
      waiting_bytes_ -= waiting_.front().size();
      waiting_.pop_front();
      --num_sent_;
      ++num_replied_;
    }
    replies_.append(reply_part_, 0, end + 1);
    reply_part_.erase(0, end + 1);
    fruitless_ = 0;
    if (replies_.size() >= kHeldBytes) return;
  }
}

void Supervisor::check_time() {
  const std::int64_t answer = page_->answer.load(), begin_ns = page_->begin_ns.load();
  if (answer == 0 || answer != page_->answer.load()) return;
  if (static_cast<double>(steady_ns() - begin_ns) * 1e-9 > limits_.timeout_s) replace_child(Outcome::timeout, answer);
}

void Supervisor::child_died() {
  end_child();
  const std::int64_t answer = page_->answer.load();
  if (answer == 0 && ++fruitless_ > kFruitlessStarts) return stop(3);
  replace_child(Outcome::failed, answer);
}

// Ends the child, gives its answer number `answer` (0: none) that outcome, and has the next child do the rest. What the
// child had finished but not sent is graded again: grading is a pure function.
void Supervisor::replace_child(Outcome outcome, std::int64_t answer) {
  end_child();
  // Replies that were on their way still count.
  for (char block[64 << 10];;) {
    const ssize_t got = ::recv(child_.get(), block, sizeof(block), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    reply_part_.append(block, static_cast<std::size_t>(got));
  }
  for (std::size_t end; num_sent_ > 0 && (end = reply_part_.find('\n')) != std::string::npos;
       --num_sent_, ++num_replied_) {
    replies_.append(reply_part_, 0, end + 1);
    reply_part_.erase(0, end + 1);
    waiting_bytes_ -= waiting_.front().size();
    waiting_.pop_front();
  }
  if (answer > num_replied_ && answer - num_replied_ <= static_cast<std::int64_t>(num_sent_)) {
    const auto guilty = waiting_.begin() + (answer - num_replied_ - 1);
    Reply reply{.id = -1,
                .grade = {0, outcome},
                .note = outcome == Outcome::timeout
                            ? base::text("it was not graded within ", base::seconds_text(limits_.timeout_s))
                            : "the grader died of it, or had no memory left"};
    try {
      reply.id = parse_request(*guilty).id;
    } catch (const Error&) {  // a broken line has no id to answer to
    }
    replies_ += reply_line(reply);
    waiting_bytes_ -= guilty->size();
    waiting_.erase(guilty);
    fruitless_ = 0;
  }
  start_child();
}

double number_of(const std::string& name, const std::string& word, double least) {
  double number = 0;
  const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (code != std::errc() || end != word.data() + word.size() || !(number >= least))
    throw Error::user({.what = base::text(name, " ", word, ": a number from ", least, " on is expected")});
  return number;
}

}  // namespace

int serve_rewards(int fd, const WorkerLimits& limits) { return Supervisor(fd, limits).run(); }

int reward_main(const std::vector<std::string>& arguments) {
  WorkerLimits limits;
  double fd = -1, rank = -1;
  const std::map<std::string, std::pair<double*, double>> numbers{{"--fd", {&fd, 0}},
                                                                  {"--timeout-s", {&limits.timeout_s, 1e-3}},
                                                                  {"--start-timeout-s", {&limits.start_timeout_s, 0}},
                                                                  {"--max-memory-gb", {&limits.max_memory_gb, 1e-3}},
                                                                  {"--log-mb", {&limits.log_mb, 0}},
                                                                  {"--cpu-s", {&limits.cpu_s, 1}},
                                                                  {"--rank", {&rank, 0}}};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "reward" && i == 0) continue;
    if (name == "--allow-test-kinds") {
      limits.allow_test_kinds = true;
      continue;
    }
    const auto number = numbers.find(name);
    if (number == numbers.end() || i + 1 >= arguments.size())
      throw Error::user({.what = "cannot read '" + name + "' after 'reward'",
                         .fix = "--fd N [--timeout-s S] [--start-timeout-s S] [--max-memory-gb G] [--log-mb M] "
                                "[--cpu-s S] [--rank R] [--allow-test-kinds]"});
    *number->second.first = number_of(name, arguments[++i], number->second.second);
  }
  limits.rank = static_cast<std::int64_t>(rank);
  int type = 0;
  socklen_t size = sizeof(type);
  if (::getsockopt(static_cast<int>(fd), SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
    throw Error::user({.what = base::text("--fd ", fd, " is no stream socket"),
                       .fix = "the node agent starts this verb; it is not for people"});
  return serve_rewards(static_cast<int>(fd), limits);
}

std::vector<std::string> reward_arguments(int fd, const WorkerLimits& limits) {
  std::vector<std::string> arguments = {"reward",
                                        "--fd",
                                        std::to_string(fd),
                                        "--timeout-s",
                                        base::text(limits.timeout_s),
                                        "--start-timeout-s",
                                        base::text(limits.start_timeout_s),
                                        "--max-memory-gb",
                                        base::text(limits.max_memory_gb),
                                        "--log-mb",
                                        base::text(limits.log_mb),
                                        "--cpu-s",
                                        base::text(limits.cpu_s)};
  if (limits.rank >= 0) arguments.insert(arguments.end(), {"--rank", base::text(limits.rank)});
  if (limits.allow_test_kinds) arguments.emplace_back("--allow-test-kinds");
  return arguments;
}

}  // namespace muster::reward
