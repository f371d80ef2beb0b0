// The running node agents of an attempt: one srun, or one child a slot. Started, signalled, reaped; nothing is decided
// here.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "launcher/supervise/attempt.h"
#include "launcher/supervise/nodes.h"

namespace muster::supervise {

class Agents {
 public:
  /// throws: Error::cluster when a program cannot be started; what was started before is ended.
  Agents(const spec::Plan& plan, const Attempt& attempt, const Nodes& nodes,
         const std::vector<std::string>& srun_flags);
  Agents(const Agents&) = delete;
  ~Agents();

  bool any_runs() const;
  /// Of those that run.
  std::vector<pid_t> pids() const;
  /// An agent (or srun) has ended with another code than 0, or by a signal.
  bool has_failed() const { return !failure_.empty(); }
  void reap();
  void signal(int number) const;
  /// Asks the agents to end: by TERM, which reaches those behind srun as a signal of Slurm's to the step, because srun
  /// itself would have its tasks killed. Where Slurm does not answer nothing happens: signal(SIGTERM) is the second
  /// step.
  void ask_to_end() const;
  /// Empty while nothing failed; else how the first ended, with the last fault that srun or it wrote.
  const std::string& failure() const { return failure_; }
  /// Its exit code, or 128 + signal; 0 while nothing failed.
  int failure_code() const { return failure_code_; }

 private:
  struct Starter {
    std::string name;  // "srun", "the agent of slot 2"
    pid_t pid = 0;
    bool runs = true;
    std::filesystem::path log;
  };
  bool by_srun_;
  std::string step_name_;  // under srun: by which Slurm lists the step
  std::vector<Starter> starters_;
  std::string failure_;
  int failure_code_ = 0;
};

}  // namespace muster::supervise
