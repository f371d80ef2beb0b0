// What an attempt came to, decided from the exit records of its ranks alone: never from the code that srun returned.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "runtime/spec/plan.h"

namespace muster::supervise {

struct Verdict {
  std::int64_t attempt = 0;
  int code = 0;  // 0, 2, 3, 4, 70, or 128 + signal when a person ended it
  std::string sentence;
  std::optional<std::int64_t> rank;  // whose log tells more
  bool operator==(const Verdict&) const = default;
};

/// The records of the attempt that are there, whole and its own (attempt id); others count as missing.
std::vector<spec::ExitRecord> read_exit_records(const spec::Plan& plan, const spec::Placement& placement);

/// `stop_signal`: the signal by which a person (or Slurm) ended the run, 0 for none. `starter`: what srun or an agent
/// said or how it ended, for runs in which ranks left no record.
Verdict judge(const spec::Plan& plan, const spec::Placement& placement, const std::vector<spec::ExitRecord>& records,
              int stop_signal, const std::string& starter);

/// verdict.json: {"attempt", "code", "sentence"} and "rank" where one is to blame.
void write_verdict(const spec::RunPaths& paths, const Verdict& verdict);
/// None while the attempt has none.
std::optional<Verdict> read_verdict(const spec::RunPaths& paths, std::int64_t attempt);

}  // namespace muster::supervise
