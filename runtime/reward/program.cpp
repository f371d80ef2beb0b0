#include "runtime/reward/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/reward/program_reply.h"

namespace muster::reward {
namespace {

using base::steady_s;
using base::text;
using nlohmann::ordered_json;

constexpr std::size_t kLongestReply = 1 << 20;  // bytes of a line; a longer one is no reply
constexpr double kClosing_s = 0.2;              // from the end of its output to being given up, where it does not end

// `row`: " (row "q17")", where the row has an id.
std::string line_of(const Request& request, std::string& row) {
  ordered_json object = {
      {"id", request.id}, {"prompt", request.prompt}, {"answer", request.answer}, {"gold", request.gold}};
  const auto part = graded_part(request.kind, request.answer, request.settings);
  object["final_answer"] = part ? ordered_json(*part) : ordered_json(nullptr);
  object["row"] = request.row.empty() ? ordered_json(nullptr) : ordered_json::parse(request.row, nullptr, false);
  if (object["row"].is_discarded()) object["row"] = request.row;
  if (object["row"].is_object() && object["row"].contains("id"))
    row = text(" (row ",
               shown_line(object["row"]["id"].dump(-1, ' ', false, ordered_json::error_handler_t::replace), 40), ")");
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::pair<base::Descriptor, base::Descriptor> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw Error::cluster({.what = std::string("no pipe for a reward program: ") + std::strerror(errno)});
  return {base::Descriptor(ends[0]), base::Descriptor(ends[1])};
}

// Up to one block of what is there; false at the end of the file.
bool read_block(int fd, std::string& block) {
  block.resize(64 << 10);
  ssize_t got;
  while ((got = ::read(fd, block.data(), block.size())) < 0 && errno == EINTR) {
  }
  const bool nothing_yet = got < 0 && errno == EAGAIN;
  block.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return got > 0 || nothing_yet;
}

// It has ended and waits to be reaped: until then its number, and that of its group, is nobody else's.
bool is_over(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

std::string counted(std::size_t count, const char* one) { return text(count, ' ', one, count == 1 ? "" : "s"); }

}  // namespace

std::string program_name(const std::vector<std::string>& command) {
  std::error_code ignored;
  for (std::size_t w = 1; w < command.size(); ++w)
    if (std::filesystem::is_regular_file(command[w], ignored))
      return std::filesystem::path(command[w]).filename().string();
  return command.empty() ? "" : std::filesystem::path(command[0]).filename().string();
}

Program::Program(std::vector<std::string> command, const ProgramLimits& limits)
    : command_(std::move(command)), name_(program_name(command_)), limits_(limits), log_bytes_left_(limits.log_bytes) {
  ::signal(SIGPIPE, SIG_IGN);
}

Program::~Program() {
  if (runs()) killed_.push_back(pid_);
  for (const pid_t pid : killed_) {
    base::signal_child(pid, SIGKILL);
    base::wait_child(pid, true);
  }
}

void Program::ask(const Request& request) {
  Asked asked{.id = request.id};
  asked.line = line_of(request, asked.row);
  open_bytes_ += asked.line.size();
  open_.push_back(std::move(asked));
}

void Program::add_to(std::vector<pollfd>& polled) const {
  if (input_ && !to_send_.empty()) polled.push_back({input_.get(), POLLOUT, 0});
  if (output_) polled.push_back({output_.get(), POLLIN, 0});
  if (errors_) polled.push_back({errors_.get(), POLLIN, 0});
}

double Program::wait_s() const {
  if (!open_.empty() && !runs()) return 0;
  if (life_.closing_s > 0) return 0.01;
  if (num_sent_ == 0) return std::numeric_limits<double>::infinity();
  const double hint_s = life_.has_replied || life_.hinted ? deadline_s() : life_.progress_s + limits_.timeout_s;
  return std::max(0.0, std::min(deadline_s(), hint_s) - steady_s()) + 1e-3;
}

void Program::advance(std::vector<Reply>& replies) {
  std::erase_if(killed_, [](pid_t pid) { return base::wait_child(pid, false).has_value(); });
  if (!runs() && (open_.empty() || !start(replies))) return;
  send();
  if (errors_) read_errors();
  if (output_) read_output(replies);
  check_end(replies);
  check_time(replies);
  if (runs()) send();  // what the replies made room for
}

bool Program::start(std::vector<Reply>& replies) {
  life_ = {.begin_s = steady_s(), .progress_s = steady_s()};
  num_sent_ = 1;  // whatever happens now, happens to the oldest
  try {
    auto [input_end, input] = make_pipe();
    auto [output, output_end] = make_pipe();
    auto [errors, errors_end] = make_pipe();
    pid_ = base::start_child({.command = command_,
                              .input = input_end.get(),
                              .output_fd = output_end.get(),
                              .error_fd = errors_end.get(),
                              .memory_bytes = static_cast<std::int64_t>(limits_.max_memory_gb * 1e9),
                              .killed_first = true});
    for (const base::Descriptor* ours : {&input, &output, &errors}) ::fcntl(ours->get(), F_SETFL, O_NONBLOCK);
    input_ = std::move(input);
    output_ = std::move(output);
    errors_ = std::move(errors);
  } catch (const Error& error) {
    end_life(Outcome::failed, text("could not be started: ", error.faults()[0].what), replies);
    return false;
  }
  to_send_ = open_.front().line;
  return true;
}

void Program::send() {
  for (const std::size_t most = num_suspects_ > 0 ? 1 : kMaxSent; num_sent_ < std::min(most, open_.size());) {
    if (num_sent_ == 0) life_.progress_s = steady_s();
    to_send_ += open_[num_sent_++].line;
  }
  while (!to_send_.empty()) {
    const ssize_t sent = ::write(input_.get(), to_send_.data(), to_send_.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return to_send_.clear();  // it closed its input: that shows by its silence, or its end
    to_send_.erase(0, static_cast<std::size_t>(sent));
    life_.bytes_written += static_cast<std::size_t>(sent);
  }
}

void Program::read_output(std::vector<Reply>& replies) {
  std::string block;
  if (!read_block(output_.get(), block)) {
    output_.reset();
    life_.closing_s = steady_s();
    block = life_.received.empty() ? "" : "\n";  // a last line without its end is one all the same
  }
  if (!block.empty()) life_.has_printed = true;
  std::size_t begin = 0;
  for (std::size_t end; (end = block.find('\n', begin)) != std::string::npos; begin = end + 1) {
    life_.received.append(block, begin, end - begin);
    if (!life_.skips_line) take_line(life_.received, replies);
    life_.skips_line = false;
    life_.received.clear();
  }
  if (life_.skips_line) return;
  life_.received.append(block, begin);
  if (life_.received.size() <= kLongestReply) return;
  take_line(text(shown_line(life_.received, 100), " (a line of more than ", kLongestReply, " bytes)"), replies);
  life_.received = std::string();
  life_.skips_line = true;
}

// A verdict, a reply that is none (its answer is failed), or something that belongs to no open answer.
void Program::take_line(std::string_view line, std::vector<Reply>& replies) {
  const ProgramReply said = read_program_reply(line);
  const auto sent_end = open_.begin() + static_cast<std::ptrdiff_t>(num_sent_);
  const auto asked = said.id
                         ? std::find_if(open_.begin(), sent_end, [&](const Asked& each) { return each.id == *said.id; })
                         : sent_end;
  if (asked == sent_end) {
    if (base::trim(line).empty()) return;
    life_.last_print = shown_line(line);
    if (!explained_output_)
      say(text(name_, " wrote a line to its standard output that ",
               said.id ? "answers nothing that it was asked" : "is no reply",
               "; such lines are passed over and go here, to the log"));
    explained_output_ = true;
    return print(std::string(line) + "\n");
  }
  Reply reply{.id = asked->id, .grade = {said.reward.value_or(0), Outcome::graded}};
  if (!said.reward) {
    reply.grade.outcome = Outcome::failed;
    reply.note = text(name_, " wrote ", shown_line(line), ": ", said.fault, asked->row);
    say(reply.note);
  }
  life_.progress_s = steady_s();
  if (!life_.has_replied) longest_start_s_ = std::max(longest_start_s_, life_.progress_s - life_.begin_s);
  life_.has_replied = has_replied_ = true;
  fruitless_s_ = 0;
  late_lives_ = 0;
  settle(static_cast<std::size_t>(asked - open_.begin()), std::move(reply), replies);
}

void Program::settle(std::size_t index, Reply reply, std::vector<Reply>& replies) {
  const auto asked = open_.begin() + static_cast<std::ptrdiff_t>(index);
  open_bytes_ -= asked->line.size();
  num_suspects_ -= asked->suspect ? 1 : 0;
  num_sent_ -= index < num_sent_ ? 1 : 0;
  open_.erase(asked);
  replies.push_back(std::move(reply));
}

void Program::read_errors() {
  std::string block;
  if (!read_block(errors_.get(), block)) return errors_.reset();
  print(block);
  std::size_t begin = 0;
  for (std::size_t end; (end = block.find('\n', begin)) != std::string::npos; begin = end + 1) {
    life_.error_part.append(block, begin, std::min<std::size_t>(end - begin, 400));
    if (!base::trim(life_.error_part).empty()) life_.last_error = shown_line(life_.error_part);
    life_.error_part.clear();
  }
  if (life_.error_part.size() < 400) life_.error_part.append(block, begin, 400);
}

void Program::check_end(std::vector<Reply>& replies) {
  if (!runs() || life_.closing_s == 0) return;
  const bool has_ended = is_over(pid_);
  if (!has_ended && steady_s() - life_.closing_s < kClosing_s) return;
  if (errors_) read_errors();
  if (!life_.error_part.empty()) life_.last_error = shown_line(life_.error_part);
  const std::string last = life_.last_error.empty() ? "" : text("; its last words: ", life_.last_error);
  if (!has_ended) return end_life(Outcome::failed, "closed its standard output" + last, replies);
  base::signal_child(pid_, SIGKILL);  // what it left in its group
  const base::ChildEnd end = base::wait_child(pid_, true).value_or(base::ChildEnd{});
  pid_ = -1;
  const std::string how = end.signal != 0 ? text("was ended by signal ", end.signal, " (", ::strsignal(end.signal), ")")
                                          : text("ended with code ", end.code);
  end_life(Outcome::failed, how + last, replies);
}

// How long a start may take: once the program has shown it, four times that, and more while it is still too little.
double Program::grace_s() const {
  const double most_s = limits_.start_timeout_s;
  if (has_replied_) return std::min(most_s, longest_start_s_ * std::exp2(std::min(late_lives_, 20) + 2));
  return fruitless_s_ >= 2 * (most_s + limits_.timeout_s) ? 0 : most_s;
}

double Program::deadline_s() const {
  return life_.progress_s + limits_.timeout_s + (life_.has_replied ? 0 : grace_s());
}

void Program::check_time(std::vector<Reply>& replies) {
  if (!runs() || num_sent_ == 0) return;
  if (steady_s() >= deadline_s()) {
    ++late_lives_;
    return end_life(Outcome::timeout, silence(), replies);
  }
  if (!life_.has_replied && !life_.hinted && steady_s() >= life_.progress_s + limits_.timeout_s) hint();
}

// Once, long before a slow start counts as one that never ends.
void Program::hint() {
  life_.hinted = true;
  if (!has_replied_)
    say(text(name_, ' ', silence(), " (its first verdict may take ", base::seconds_text(grace_s()),
             " longer: reward.start_timeout_s)"));
}

std::size_t Program::lines_read() const {
  int unread = 0;
  if (::ioctl(input_.get(), FIONREAD, &unread) != 0) return 0;
  std::size_t left = life_.bytes_written - std::min(life_.bytes_written, static_cast<std::size_t>(unread)), lines = 0;
  while (lines < num_sent_ && left >= open_[lines].line.size()) left -= open_[lines++].line.size();
  return lines;
}

// What it did instead of answering. Only a life without any reply still has all its lines in open_.
std::string Program::silence() const {
  const std::string waited = base::seconds_text(steady_s() - life_.progress_s);
  if (life_.has_replied) return text("gave no verdict for ", waited);
  if (!life_.last_print.empty())
    return text("gave no verdict in ", waited, "; the last line that it wrote is no reply: ", life_.last_print);
  const std::size_t lines = lines_read();
  if (lines == 0) return text("has read nothing of its standard input in ", waited);
  if (life_.has_printed) return text("has not ended the line that it writes in ", waited);
  return text("has read ", counted(lines, "line"), " and written none in ", waited, ": does it flush its output?");
}

// The process is gone or goes now. Who is to blame gets the outcome; the others are asked again.
void Program::end_life(Outcome outcome, const std::string& why, std::vector<Reply>& replies) {
  if (!life_.has_replied) fruitless_s_ += steady_s() - life_.begin_s;
  if (runs()) {
    base::signal_child(pid_, SIGKILL);
    killed_.push_back(pid_);
    pid_ = -1;
  }
  input_.reset();
  output_.reset();
  errors_.reset();
  to_send_.clear();
  life_.closing_s = 0;
  const std::size_t held = num_sent_;
  num_sent_ = 0;
  if (held == 0) return;
  if (!has_replied_ && fruitless_s_ >= 2 * (limits_.start_timeout_s + limits_.timeout_s))
    return give_up(held, outcome, why, replies);            // it has never answered anything
  const bool is_certain = held == 1 && !life_.has_replied;  // it died of its first answer, and had no other
  if (outcome == Outcome::timeout || is_certain) return give_up(1, outcome, why, replies);
  say(text(name_, ' ', why, " while it had ", counted(held, "answer"), "; it is started again and asked one by one"));
  for (std::size_t i = 0; i < held; ++i) {
    num_suspects_ += open_[i].suspect ? 0 : 1;
    open_[i].suspect = true;
  }
}

void Program::give_up(std::size_t count, Outcome outcome, const std::string& why, std::vector<Reply>& replies) {
  const std::string note = text(name_, ' ', why);
  say(count == 1 ? note + open_.front().row : text(note, "; none of its ", count, " answers is graded"));
  for (; count > 0; --count)
    settle(0, {.id = open_.front().id, .grade = {0, outcome}, .note = note + open_.front().row}, replies);
}

// As a warning of its rank, which `muster run` shows, where there were few so far.
void Program::say(const std::string& sentence) {
  const bool warns = limits_.rank >= 0 && warnings_left_-- > 0;
  print(text(warns ? text(base::wall_clock_text(), " warning rank ", limits_.rank, ' ') : "", "reward: ", sentence,
             '\n'));
}

// To our standard error, which is the log, as long as there is room for it.
void Program::print(std::string_view bytes) {
  if (log_bytes_left_ < 0) return;
  const auto write_all = [](std::string_view rest) {
    while (!rest.empty()) {
      const ssize_t written = ::write(STDERR_FILENO, rest.data(), rest.size());
      if (written < 0 && errno != EINTR) return;
      if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
    }
  };
  const auto size = std::ssize(bytes);
  write_all(bytes.substr(0, static_cast<std::size_t>(std::min(size, log_bytes_left_))));
  log_bytes_left_ -= size;
  if (log_bytes_left_ >= 0) return;
  log_bytes_left_ = -1;
  write_all(text("\nreward: ", name_, " has written ", limits_.log_bytes / 1'000'000,
                 " MB besides its verdicts; what follows is dropped (log.max_mb)\n"));
}

}  // namespace muster::reward
