// The exit records of an attempt, and which of them tells why a run ended: a rank that died, fell silent or refused
// comes before those that lost their peer, and those before the ones that were ended because of it. And the exit code
// that follows from it.
#pragma once

#include <vector>

#include "runtime/base/error.h"
#include "runtime/spec/plan.h"

namespace muster::spec {

/// The records of the attempt that are there, whole and its own (attempt id); others count as missing. Files that are
/// not whole are named in `broken`.
std::vector<ExitRecord> read_exit_records(const Plan& plan, const RunPaths& paths, const Placement& placement,
                                          std::vector<base::Fault>& broken);
/// The rank ended by itself with 0.
bool is_success(const ExitRecord& record);
/// The record that tells the cause; null when all are successes (or there are none). Points into `records`.
const ExitRecord* cause_of(const std::vector<ExitRecord>& records);
/// 2 user, 3 cluster, 70 defect as the rank said; 4 for everything else (signal, silence, any other code).
int exit_code_of(const ExitRecord& cause);

}  // namespace muster::spec
