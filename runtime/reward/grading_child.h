// The process that grades, one answer after another: whatever an answer does to it, its supervisor (worker.h) is not
// harmed.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/reward/worker.h"

namespace muster::reward {

/// Memory that child and supervisor share: which answer is being graded and since when.
struct ChildPage {
  std::atomic<std::int64_t> answer{0};    // number of the answer in this child, from 1; 0: none at the moment
  std::atomic<std::int64_t> begin_ns{0};  // of the steady clock
};

std::int64_t steady_ns();

/// Sets its limits, reads request lines from `fd`, writes one reply line for each, in order. Ends when `fd` is closed,
/// or between two answers when it has used half of its CPU seconds.
[[noreturn]] void run_grading_child(int fd, ChildPage& page, const WorkerLimits& limits);

}  // namespace muster::reward
