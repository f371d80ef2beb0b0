// Where the threads of a rank leave their stacks when the node agent asks. The board is part of the page that both map
// (beat.h): the agent writes a thread's id into a slot and sends it SIGQUIT; the thread's handler fills the slot with
// return addresses and does nothing else: no file, no lock, no allocation, so that it answers while a file system
// hangs. What the addresses mean is the agent's work (runtime/node/take_stacks.h).
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace muster::spec {

enum class SlotState : std::uint32_t { free, asked, writing, answered };

/// One thread's answer. The agent moves it from free to asked and back, the thread from asked to answered.
struct StackSlot {
  std::atomic<SlotState> state{SlotState::free};
  std::atomic<pid_t> thread{0};
  bool is_cut = false;  // the last frame's code has no unwinding information: what called it is not known
  std::uint32_t num_frames = 0;
  std::array<std::uint64_t, 64> frames{};  // innermost first: where it was interrupted, then return addresses
};

struct StackBoard {
  std::atomic<pid_t> pid{0};         // whose threads answer; 0: nobody yet. Not the agent's child under a rank_wrapper
  std::array<StackSlot, 256> slots;  // threads beyond them are not asked
};

/// From now until it is gone the threads of this process answer on `board`. One at a time in a process. A SIGQUIT that
/// the board does not expect is passed over.
class StackAnswers {
 public:
  explicit StackAnswers(StackBoard& board);
  StackAnswers(const StackAnswers&) = delete;
  StackAnswers& operator=(const StackAnswers&) = delete;
  ~StackAnswers();
};

}  // namespace muster::spec
