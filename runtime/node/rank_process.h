// One rank as the agent holds it: its beat page, its process, its reward workers, and what became of them.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/limited_log.h"
#include "runtime/base/process.h"
#include "runtime/node/watch.h"
#include "runtime/spec/beat.h"
#include "runtime/spec/plan.h"

namespace muster::node {

class RankProcess {
 public:
  /// Starts the workers and then the rank; what they print goes to `log`, up to log.max_mb. throws: Error::cluster when
  /// a program cannot be started; what was started is ended.
  RankProcess(const spec::Plan& plan, const spec::RankPlan& rank, const std::filesystem::path& plan_file,
              const std::filesystem::path& placement_file, const std::filesystem::path& binaries,
              const std::filesystem::path& log);
  RankProcess(RankProcess&&) = default;

  std::int64_t rank() const { return rank_; }
  bool runs() const { return !end_; }
  /// Looks whether it has ended; what it left behind in its group is killed. True when this call saw the end.
  bool reap();
  void signal(int number) const;
  /// It will be ended because of others (or the person); an end with 0 still counts as its own.
  void mark_ended_by_agent() { ended_by_agent_ = true; }
  /// Kills it because it is silent.
  void end_as_silent(const std::string& reason);
  /// Kills the rank and its workers, for good.
  void kill_all();
  /// Waits for the workers, which end by themselves when their rank has; after `patience_s` they are killed.
  void finish_workers(double patience_s);
  /// One line for each worker that ended while its rank ran.
  std::vector<std::string> lost_workers();

  RankSnapshot snapshot() const;
  spec::BeatPage& page() { return beat_.page(); }
  /// Of the process that was started: a wrapper, where the job has one.
  pid_t pid() const { return pid_; }
  /// Rank and workers that were not waited for yet.
  std::vector<pid_t> running() const;
  spec::ExitRecord record(const std::string& host, const std::string& attempt_id) const;

 private:
  struct Worker {
    pid_t pid = 0;
    bool runs = true;
  };
  std::int64_t rank_;
  spec::Beat beat_;
  std::unique_ptr<base::LimitedLog> log_;  // of the rank, its workers and their programs
  pid_t pid_ = 0;
  std::vector<Worker> workers_;
  std::optional<base::ChildEnd> end_;
  bool ended_by_agent_ = false;
  bool silent_ = false;
  std::string reason_;
};

}  // namespace muster::node
