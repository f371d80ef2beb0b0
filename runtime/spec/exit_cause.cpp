#include "runtime/spec/exit_cause.h"

#include <csignal>

#include "runtime/base/files.h"

namespace muster::spec {
namespace {

// Smaller comes first.
int remoteness(const ExitRecord& record) {
  if (record.ended_by_agent) return 3;
  if (record.signal == SIGTERM && !record.silent)
    return 2;  // sent to the whole job, it may reach a rank before its agent
  if (record.code == 4 && !record.silent && record.signal == 0) return 2;  // says itself that it lost a peer
  if (record.code == 70 || record.code == 3) return 1;                     // may follow from a peer's end
  return 0;
}

}  // namespace

std::vector<ExitRecord> read_exit_records(const Plan& plan, const RunPaths& paths, const Placement& placement,
                                          std::vector<base::Fault>& broken) {
  std::vector<ExitRecord> records;
  for (const RankPlan& rank : plan.ranks) {
    const std::filesystem::path path = paths.rank_exit(placement.attempt, rank.rank);
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) continue;
    try {
      ExitRecord record = parse_exit_record(base::read_file(path), path.string());
      if (record.attempt_id == placement.attempt_id && record.rank == rank.rank) records.push_back(std::move(record));
    } catch (const Error& error) {
      broken.push_back(error.faults().front());
    }
  }
  return records;
}

bool is_success(const ExitRecord& record) { return record.code == 0 && record.signal == 0 && !record.silent; }

const ExitRecord* cause_of(const std::vector<ExitRecord>& records) {
  const ExitRecord* cause = nullptr;
  for (const ExitRecord& record : records)
    if (!is_success(record) && (cause == nullptr || remoteness(record) < remoteness(*cause))) cause = &record;
  return cause;
}

int exit_code_of(const ExitRecord& cause) {
  if (cause.signal != 0 || cause.silent) return 4;
  return cause.code == 2 || cause.code == 3 || cause.code == 70 ? cause.code : 4;
}

}  // namespace muster::spec
