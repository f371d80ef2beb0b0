// What we tell Slurm, always through its own commands (sites filter and extend them): submit, look ahead, cancel,
// requeue.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace muster::slurm {

/// What `sbatch --test-only` said: an estimate for a cluster as it is now, no promise.
struct Forecast {
  bool accepted = false;
  std::int64_t start_s = 0;  // Unix time; 0: not said
  std::string said;          // the refusal, or the whole line
};

class Control {
 public:
  virtual ~Control() = default;
  virtual Forecast forecast(const std::filesystem::path& script) = 0;
  /// The job's id. throws: Error::cluster with sbatch's own words.
  virtual std::string submit(const std::filesystem::path& script) = 0;
  /// throws: Error::cluster.
  virtual void cancel(const std::string& id) = 0;
  virtual void requeue(const std::string& id) = 0;
};

std::unique_ptr<Control> make_control();

/// The lines of `sbatch --test-only`: "sbatch: Job 7 to start at 2026-11-23T20:31:07 using 32 processors on nodes ...".
/// Pure.
Forecast parse_forecast(const std::string& text, int code);

}  // namespace muster::slurm
