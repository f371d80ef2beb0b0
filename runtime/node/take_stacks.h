// Where the threads of a rank stand. Each is asked on the rank's board (spec/stack_board.h) and answers with addresses;
// of one that does not answer, because it is stopped or the kernel holds it, /proc tells the rest.
#pragma once

#include <sys/types.h>

#include <vector>

#include "runtime/spec/stack_board.h"
#include "runtime/spec/stacks.h"

namespace muster::node {

/// The threads of the process that answers on `board` (of `pid` where none does yet), its main thread first. Frames
/// that `frames` does not hold yet are added to it. Waits `patience_s` for answers at most. Never throws: a process
/// that has ended has no threads.
std::vector<spec::ThreadStack> take_stacks(spec::StackBoard& board, pid_t pid, double patience_s,
                                           std::vector<spec::StackFrame>& frames);

}  // namespace muster::node
