// Which node keeps the others waiting: of each phase the rank that was slowest in the last steps, and its host.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/page/terminal.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/step_record.h"

namespace muster::records {

struct Slowest {
  std::string phase;  // "train"
  std::string host;   // that was slowest most often; "" where the hosts are not known
  std::int64_t rank = 0;
  std::int64_t times = 0, of = 0;  // in so many of the last steps the host was (the rank, where there is one host)
  double seconds = 0;              // of the phase, mean over these steps
};

/// Of the last eight steps, in the order of a step's phases. `hosts` by node slot; empty while they are not known.
std::vector<Slowest> slowest_of(const spec::Plan& plan, const std::vector<const spec::StepRecord*>& steps,
                                const std::vector<std::string>& hosts);
/// "train node3 rank 25 (6 of 8)".
std::string slowest_text(const Slowest& slowest);

}  // namespace muster::records
