// What we tell Slurm, always through its own commands (sites filter and extend them): submit, look ahead, cancel,
// requeue.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace muster::slurm {

/// What `sbatch --test-only` said: an estimate for a cluster as it is now, no promise.
struct Forecast {
  bool accepted = false;
  std::int64_t start_s = 0;  // Unix time; 0: not said
  std::string said;          // the refusal, or the whole line
};

/// A script for sbatch, and how its job is found again should sbatch's answer not hold the id.
struct Submission {
  std::filesystem::path script;
  std::string log;  // what the job's --output begins with, which no other script's does
};

struct Submitted {
  std::string id;        // of the job that was taken; "": none is left, or it is not certain that there is none
  std::string sentence;  // how the id was found where the answer did not hold it; why there is none
};

class Control {
 public:
  virtual ~Control() = default;
  virtual Forecast forecast(const std::filesystem::path& script) = 0;
  /// Hands the script to sbatch and finds its job whatever sbatch prints: in the answer, else among the person's jobs
  /// by the log. Several new ones are cancelled. throws: Error::cluster with sbatch's own words when it was refused.
  virtual Submitted submit(const Submission& submission) = 0;
  /// throws: Error::cluster.
  virtual void cancel(const std::string& id) = 0;
  virtual void requeue(const std::string& id) = 0;
  /// Sends TERM to every process of the job's step of that name. False when there is no such step, or Slurm does not
  /// answer within seconds.
  virtual bool end_step(const std::string& id, const std::string& name) = 0;
};

std::unique_ptr<Control> make_control();

/// The lines of `sbatch --test-only`: "sbatch: Job 7 to start at 2026-11-23T20:31:07 using 32 processors on nodes ...".
/// Pure.
Forecast parse_forecast(const std::string& text, int code);
/// The id in what `sbatch --parsable` printed: a line "7" or "7;cluster", or "Submitted batch job 7", among whatever
/// else a site's wrapper prints. "" when there is none, or several that differ. Pure.
std::string parse_job_id(const std::string& output);
/// The step ("7.1") of that name in lines "7.1|name" of squeue --steps; "" when it is not there. Pure.
std::string step_named(const std::string& lines, const std::string& name);
/// The ids in lines "7|/run/slurm-%j.log" of squeue whose log begins with `log` as --output was given. Pure.
std::vector<std::string> jobs_with_log(const std::string& lines, const std::string& log);

}  // namespace muster::slurm
