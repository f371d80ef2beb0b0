// A program of the user's that grades: it reads one JSON line an answer,
//   {"id": 7, "prompt": "...", "answer": "...", "final_answer": "...", "gold": "...", "row": {...}}
// `answer` is the whole reply, `final_answer` the part of it that the other kinds grade (answer_part.h), null where
// there is none. The program answers each, in any order, by one line on its standard output:
//   {"id": 7, "reward": 1.0}
// It is started once and kept. Its standard error goes to the log of the node.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/base/files.h"
#include "runtime/reward/protocol.h"

namespace muster::reward {

/// Not for several threads. Answers come back in the order in which they were asked for.
class Program {
 public:
  /// `command`: the program, absolute or on PATH, and its arguments. Starts nothing yet.
  explicit Program(std::vector<std::string> command) : command_(std::move(command)) {}
  ~Program() { stop(); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Never blocks; the caller lets no more than kMaxOpen be open, so that the program is never far behind.
  void ask(const Request& request);
  std::size_t open() const { return open_.size(); }
  /// Waits for the oldest open answer. `failed` when the program ended, or said something that is no reply, before it
  /// had answered it; it is started again then, and asked the others again.
  Reply next();

  static constexpr std::size_t kMaxOpen = 64;

 private:
  struct Asked {
    std::int64_t id;
    std::string line;
  };
  void start();
  void stop();
  bool exchange();
  bool take_replies();
  Reply fail(const std::string& why);

  std::vector<std::string> command_;
  pid_t pid_ = -1;
  base::Descriptor line_;
  std::deque<Asked> open_;
  std::string to_send_, received_;
  std::unordered_map<std::int64_t, double> rewards_;  // of open answers, before their turn
  std::string fault_;                                 // what was wrong with its last line
};

}  // namespace muster::reward
