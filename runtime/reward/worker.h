// The process `muster-runtime reward --fd N`: a small supervisor that has a child grade the answers, kills the child
// when one answer passes the time limit, and starts the next child where the last one died. So no answer can hold up a
// run.
#pragma once

#include <string>
#include <vector>

namespace muster::reward {

struct WorkerLimits {
  double timeout_s = 5;      // wall seconds of one answer
  double max_memory_gb = 1;  // address space of the grading child beyond what it has at its start
  double cpu_s = 3600;       // CPU seconds of one grading child; it is replaced between two answers at half of that
  bool allow_test_kinds = false;
};

/// Serves requests (protocol.h) from the stream socket `fd` until its other end is closed; takes `fd` over.
/// Every request gets one reply: graded, timeout (past timeout_s), or failed (its child died of it).
/// Single-threaded; forks. throws: Error::cluster when no child can be started. Returns the exit code: 0, or 3 when the
/// other end broke the protocol or the socket failed.
int serve_rewards(int fd, const WorkerLimits& limits);

/// The verb with its arguments: --fd N [--timeout-s S] [--max-memory-gb G] [--cpu-s S] [--allow-test-kinds]. throws:
/// Error::user.
int reward_main(const std::vector<std::string>& arguments);
/// The arguments that reward_main reads, for who starts it: "reward", "--fd", ....
std::vector<std::string> reward_arguments(int fd, const WorkerLimits& limits);

}  // namespace muster::reward
