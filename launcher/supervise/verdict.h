// What an attempt came to, decided from the exit records of its ranks. The code that srun or an agent returned counts
// only where records are missing, and only when it is that of a fault which a person has to fix, such as a full disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "launcher/records/verdict.h"
#include "runtime/spec/plan.h"

namespace muster::supervise {

/// The records of the attempt that are there, whole and its own (attempt id); others count as missing.
std::vector<spec::ExitRecord> read_exit_records(const spec::Plan& plan, const spec::Placement& placement);

/// How srun or the first agent that failed ended, with what it said last; empty when none failed.
struct StarterEnd {
  std::string text;
  int code = 0;
};

/// `stop_signal`: the signal by which a person (or Slurm) ended the run, 0 for none.
records::Verdict judge(const spec::Plan& plan, const spec::Placement& placement,
                       const std::vector<spec::ExitRecord>& records, int stop_signal, const StarterEnd& starter);
/// Where records are missing and the disk of the run folder is full, that is the reason: code 2, and not queued again.
void blame_full_disk(records::Verdict& verdict, std::int64_t missing_records, std::int64_t free_bytes,
                     const std::filesystem::path& run_folder);

}  // namespace muster::supervise
