// log.command: a program of the user's that gets every record of the attempt as one JSON line on its standard input. It
// is the supervisor's child, so it has the user's whole environment (an API key stays out of plan and ranks), and it
// reads behind the files: however slow it is, nobody waits for it, and nothing is kept in memory for it.
//
//     {"record": "run", "name", "run_folder", "attempt", "steps"}    first
//     {"record": "step" | "sample" | "warmup" | "validation" | "validation_sample", ... the line of the file}
//     {"record": "verdict", "attempt", "code", "sentence"}           last, then end of file
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "launcher/records/record_lines.h"
#include "launcher/supervise/verdict.h"
#include "runtime/base/files.h"
#include "runtime/base/limited_log.h"
#include "runtime/base/signals.h"
#include "runtime/spec/plan.h"

namespace muster::supervise {

class RecordFeed {
 public:
  /// Starts the program, with its output in attempt_<n>/log_command.log (log.max_mb of it); nothing where the job names
  /// none. That it cannot be started, or ends early, is said once: the run goes on without it.
  RecordFeed(const spec::Plan& plan, const spec::RunPaths& paths, std::int64_t attempt,
             std::function<void(const std::string&)> say);
  ~RecordFeed();
  /// Of the program; 0 when none runs.
  pid_t pid() const { return pid_; }
  RecordFeed(const RecordFeed&) = delete;
  RecordFeed& operator=(const RecordFeed&) = delete;

  /// Hands over what is new, as much as the program takes; looks at the files once a second. Never waits or throws.
  void poll() noexcept;
  /// The rest of the records, the verdict, the end of file; waits until the program has ended, kPatience_s at most
  /// (kHurry_s after a signal ended the run, or when INT or TERM comes), then ends it.
  void finish(const records::Verdict& verdict, base::SignalQueue& signals);

  static constexpr double kPatience_s = 20, kHurry_s = 3;

 private:
  bool read_more();
  void send();
  bool look_whether_it_ended();
  void lose(const std::string& why);

  std::int64_t attempt_;
  std::function<void(const std::string&)> say_;
  records::RecordLines lines_;
  std::optional<base::LimitedLog> log_;  // of the program's output
  pid_t pid_ = 0;                        // 0: none, or it has ended
  base::Descriptor line_;
  std::string pending_;
  std::int64_t records_ = 0;  // handed over, or pending
  double read_s_ = 0;
};

}  // namespace muster::supervise
