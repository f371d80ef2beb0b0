#include "runtime/spec/stack_board.h"

#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/base/error.h"

namespace muster::spec {

static_assert(std::atomic<SlotState>::is_always_lock_free && std::atomic<pid_t>::is_always_lock_free,
              "the board is shared between processes and with signal handlers");

namespace {

constexpr int kOwnFrames = 2;  // the handler, and what the kernel returns through

// A handler has no arguments of ours.
std::atomic<StackBoard*> answered_board{nullptr};

// Writes to its own slot alone, so that all threads may answer at once. Async-signal-safe: backtrace() is, once its
// unwinder is loaded.
void answer(int) {
  const int saved = errno;
  StackBoard* board = answered_board.load();
  if (board == nullptr) return;
  const pid_t self = ::gettid();
  for (StackSlot& slot : board->slots) {
    SlotState expected = SlotState::asked;
    if (slot.thread.load() != self || !slot.state.compare_exchange_strong(expected, SlotState::writing)) continue;
    std::array<void*, kOwnFrames + std::tuple_size_v<decltype(slot.frames)>> found;
    const int count = std::max(0, ::backtrace(found.data(), static_cast<int>(found.size())) - kOwnFrames);
    for (int i = 0; i < count; ++i)
      slot.frames[static_cast<std::size_t>(i)] =
          reinterpret_cast<std::uint64_t>(found[static_cast<std::size_t>(i + kOwnFrames)]);
    slot.num_frames = static_cast<std::uint32_t>(count);
    slot.state.store(SlotState::answered);
    break;
  }
  errno = saved;
}

}  // namespace

StackAnswers::StackAnswers(StackBoard& board) {
  StackBoard* none = nullptr;
  INVARIANT(answered_board.compare_exchange_strong(none, &board), "a process answers on one board");
  void* frame = nullptr;
  ::backtrace(&frame, 1);  // loads the unwinder, which allocates
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
