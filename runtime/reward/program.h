// A program of the user's that grades: it reads one JSON line an answer,
//   {"id": 7, "prompt": "...", "answer": "...", "final_answer": "...", "gold": "...", "row": {...}}
// `answer` is the whole reply, `final_answer` the part of it that the other kinds grade (answer_part.h), null where
// there is none. The program answers each, in any order, by one line on its standard output:
//   {"id": 7, "reward": 1.0}
// It is started once and kept. What else it prints, there or on its standard error, goes to the log, up to a limit.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/files.h"
#include "runtime/reward/protocol.h"

struct pollfd;

namespace muster::reward {

struct ProgramLimits {
  double timeout_s = 5;                 // of one answer: without a reply for so long, the oldest one is given up
  double start_timeout_s = 120;         // beyond it, until the first reply of a started program
  double max_memory_gb = 1;             // address space
  std::int64_t log_bytes = 64'000'000;  // of what it prints that we write to our standard error
  std::int64_t rank = -1;               // whose log that is: the first words are warnings of it; -1: nobody's
};

/// Never blocks: its owner polls, and calls advance(). Every answer gets exactly one reply, whatever the program does.
/// A program that ends is started again, and what it had is asked again one by one: the answer of which a fresh process
/// ends is `failed`, so that only the guilty one is lost. One that is late is killed: its oldest answer is `timeout`.
class Program {
 public:
  /// `command`: the program, absolute or on PATH, and its arguments. Starts nothing yet; SIGPIPE is ignored from now
  /// on.
  Program(std::vector<std::string> command, const ProgramLimits& limits);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void ask(const Request& request);
  /// Answers without a reply, and the bytes of their requests.
  std::size_t open() const { return open_.size(); }
  std::size_t open_bytes() const { return open_bytes_; }
  /// Appends what it waits for.
  void add_to(std::vector<pollfd>& polled) const;
  /// Seconds until advance() has something to do without an event; infinity: never.
  double wait_s() const;
  /// Starts, writes, reads, ends what is late; appends the replies that are there.
  void advance(std::vector<Reply>& replies);

  static constexpr std::size_t kMaxSent = 64;  // requests that the program has at once

 private:
  struct Asked {
    std::int64_t id = 0;
    std::string line, row;  // row: " (row "q17")" for messages, or ""
    bool suspect = false;   // a program that had it, among others, ended
  };
  struct Life {  // of one process
    double begin_s = 0, progress_s = 0, closing_s = 0;
    std::size_t bytes_written = 0;
    bool has_replied = false, has_printed = false, hinted = false;
    bool skips_line = false;  // the rest of a line that is too long
    std::string received, error_part, last_print, last_error;
  };

  bool runs() const { return pid_ > 0; }
  bool start(std::vector<Reply>& replies);
  void send();
  void read_output(std::vector<Reply>& replies);
  void read_errors();
  void take_line(std::string_view line, std::vector<Reply>& replies);
  void settle(std::size_t index, Reply reply, std::vector<Reply>& replies);
  void check_end(std::vector<Reply>& replies);
  void check_time(std::vector<Reply>& replies);
  void hint();
  void end_life(Outcome outcome, const std::string& why, std::vector<Reply>& replies);
  void give_up(std::size_t count, Outcome outcome, const std::string& why, std::vector<Reply>& replies);
  double grace_s() const;
  double deadline_s() const;
  std::size_t lines_read() const;
  std::string silence() const;
  void print(std::string_view bytes);
  void say(const std::string& sentence);

  std::vector<std::string> command_;
  std::string name_;  // in messages
  ProgramLimits limits_;
  pid_t pid_ = -1;
  std::vector<pid_t> killed_;  // not reaped yet
  base::Descriptor input_, output_, errors_;
  std::deque<Asked> open_;  // oldest first; the first num_sent_ are with the program
  std::size_t num_sent_ = 0, open_bytes_ = 0, num_suspects_ = 0;
  std::string to_send_;
  Life life_;
  bool has_replied_ = false;     // in any life
  double longest_start_s_ = 0;   // until a first reply
  double fruitless_s_ = 0;       // of the last lives, without one reply
  int late_lives_ = 0;           // in a row, ended as late without one reply
  std::int64_t log_bytes_left_;  // of limits_.log_bytes
  bool explained_output_ = false;
  int warnings_left_ = 5;
};

/// How a command is called in messages: the file name of its script, where one of its words names a file.
std::string program_name(const std::vector<std::string>& command);

}  // namespace muster::reward
