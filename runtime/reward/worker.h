// The process `muster-runtime reward --fd N`: a small supervisor that has a child grade the answers, kills the child
// when one answer passes the time limit, and starts the next child where the last one died. Answers of the kind command
// go to programs of the user's (program.h). So no answer can hold up a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace muster::reward {

struct WorkerLimits {
  double timeout_s = 5;          // wall seconds of one answer
  double start_timeout_s = 120;  // of a program, until its first verdict, beyond timeout_s
  double max_memory_gb = 1;      // address space of the grading child beyond what it has at its start; of a program
  double log_mb = 64;            // of what programs print besides their verdicts; the rest is dropped
  double cpu_s = 3600;           // CPU seconds of one grading child; it is replaced between two answers at half of that
  std::int64_t rank = -1;        // in whose log it writes; -1: nobody's
  bool allow_test_kinds = false;
};

/// Serves requests (protocol.h) from the stream socket `fd` until its other end is closed; takes `fd` over.
/// Every request gets one reply, as soon as it is there: graded, timeout (past timeout_s), or failed (its child died of
/// it). While replies take their time, kBeatLine says that the worker is at it.
/// Single-threaded; forks. throws: Error::cluster when no child can be started. Returns the exit code: 0, or 3 when the
/// other end broke the protocol or the socket failed.
int serve_rewards(int fd, const WorkerLimits& limits);

/// The verb with its arguments: --fd N [--timeout-s S] [--start-timeout-s S] [--max-memory-gb G] [--log-mb M] [--cpu-s
/// S]
/// [--rank R] [--allow-test-kinds]. throws: Error::user.
int reward_main(const std::vector<std::string>& arguments);
/// The arguments that reward_main reads, for who starts it: "reward", "--fd", ....
std::vector<std::string> reward_arguments(int fd, const WorkerLimits& limits);

}  // namespace muster::reward
