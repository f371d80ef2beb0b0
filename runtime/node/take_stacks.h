// Where the threads of a rank stand. Each is asked on the rank's board (spec/stack_board.h) and answers with addresses;
// of one that does not answer, because it is stopped, the kernel holds it or it blocks signals (the CUDA driver's own
// do), /proc tells the rest. Several ranks are asked before the first answer is waited for.
#pragma once

#include <sys/types.h>

#include <vector>

#include "runtime/spec/stack_board.h"
#include "runtime/spec/stacks.h"

namespace muster::node {

/// Asks the threads of the process that answers on `board`, and returns at once. Where none does yet nobody is asked: a
/// SIGQUIT would end it.
void ask_for_stacks(spec::StackBoard& board);
/// Asks those again whose answer was cut: they ran code without unwinding information, and most leave it within
/// milliseconds (kernels of MKL).
void ask_again_where_cut(spec::StackBoard& board);
/// Is an answer still to come?
bool is_awaited(const spec::StackBoard& board);
/// The threads of the process that answers on `board` (of `pid` where none does yet), its main thread first, with the
/// answers that have come; the others are asked no more. Frames that `frames` does not hold yet are added to it. Never
/// throws: a process that has ended has no threads.
std::vector<spec::ThreadStack> gather_stacks(spec::StackBoard& board, pid_t pid, std::vector<spec::StackFrame>& frames);

}  // namespace muster::node
