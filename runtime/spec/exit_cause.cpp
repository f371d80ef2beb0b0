#include "runtime/spec/exit_cause.h"

#include <csignal>

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
