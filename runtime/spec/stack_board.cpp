#include "runtime/spec/stack_board.h"

#include <signal.h>
#include <unistd.h>
#include <unwind.h>

#include <cerrno>

#include "runtime/base/error.h"

namespace muster::spec {

static_assert(std::atomic<SlotState>::is_always_lock_free && std::atomic<pid_t>::is_always_lock_free,
              "the board is shared between processes and with signal handlers");

namespace {

constexpr int kOwnFrames = 2;  // the handler, and what the kernel returns through

// A handler has no arguments of ours.
std::atomic<StackBoard*> answered_board{nullptr};

struct Unwinding {
  StackSlot& slot;
  int num_own = 0;
};

_Unwind_Reason_Code take_frame(_Unwind_Context* context, void* argument) {
  auto& [slot, num_own] = *static_cast<Unwinding*>(argument);
  const std::uint64_t address = _Unwind_GetIP(context);
  const bool is_full = slot.num_frames == slot.frames.size();
  slot.is_cut = address != 0 && !is_full;  // unless the next frame is there, or 0: the C library's mark of the first
  if (!slot.is_cut) return _URC_END_OF_STACK;
  if (num_own++ >= kOwnFrames) slot.frames[slot.num_frames++] = address;
  return _URC_NO_REASON;
}

// Writes to its own slot alone, so that all threads may answer at once. Async-signal-safe: the unwinder is, once it is
// loaded.
void answer(int) {
  const int saved = errno;
  StackBoard* board = answered_board.load();
  if (board == nullptr) return;
  const pid_t self = ::gettid();
  for (StackSlot& slot : board->slots) {
    SlotState expected = SlotState::asked;
    if (slot.thread.load() != self || !slot.state.compare_exchange_strong(expected, SlotState::writing)) continue;
    slot.num_frames = 0;
    Unwinding unwinding{slot};
    _Unwind_Backtrace(take_frame, &unwinding);
    slot.state.store(SlotState::answered);
    break;
  }
  errno = saved;
}

}  // namespace

StackAnswers::StackAnswers(StackBoard& board) {
  StackBoard* none = nullptr;
  INVARIANT(answered_board.compare_exchange_strong(none, &board), "a process answers on one board");
  StackSlot first;
  Unwinding unwinding{first};
  _Unwind_Backtrace(take_frame, &unwinding);  // what is loaded and allocated the first time
  struct sigaction action {};
  action.sa_handler = answer;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGQUIT, &action, nullptr);
  board.pid.store(::getpid());
}

StackAnswers::~StackAnswers() {
  answered_board.load()->pid.store(0);
  ::signal(SIGQUIT, SIG_IGN);  // one may be on its way
  answered_board.store(nullptr);
}

}  // namespace muster::spec
