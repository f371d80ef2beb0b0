#include "runtime/node/take_stacks.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <thread>

#include "runtime/base/clock.h"

// Waits for *flag in code of which no unwinder knows anything, like the kernels of some libraries.
extern "C" void without_unwinding_information(const volatile char* flag);
#if defined(__x86_64__)
#define WAIT_FOR_FLAG "1: cmpb $0, (%rdi)\n je 1b\n ret\n"
#else
#define WAIT_FOR_FLAG "1: ldrb w1, [x0]\n cbz w1, 1b\n ret\n"
#endif
asm(".text\n"
    ".globl without_unwinding_information\n"
    ".type without_unwinding_information, %function\n"
    "without_unwinding_information:\n" WAIT_FOR_FLAG
    ".size without_unwinding_information, . - without_unwinding_information\n");

namespace muster::node {
namespace {

std::atomic<pid_t> waiter{0};
std::atomic<bool> is_over{false};

// Waits in a call that is not begun again after a signal.
[[gnu::noinline]] void waits_until_it_is_over() {
  waiter = static_cast<pid_t>(::syscall(SYS_gettid));
  while (!is_over) ::usleep(1000);
}

class TakeStacks : public testing::Test {
 protected:
  ~TakeStacks() override {
    is_over = true;
    if (thread_.joinable()) thread_.join();
    is_over = false;
    waiter = 0;
  }
  void start_waiter() {
    thread_ = std::thread(waits_until_it_is_over);
    while (waiter == 0) std::this_thread::yield();
  }
  // `between`: done after the first answers; then those whose stack was cut are asked until it is whole.
  std::vector<spec::ThreadStack> take(double patience_s, const std::function<void()>& between = {}) {
    ask_for_stacks(*board_);
    for (const base::Stopwatch watch; is_awaited(*board_) && watch.elapsed_s() < patience_s;) std::this_thread::yield();
    if (between) {
      between();
      for (int time = 0; time < 100; ++time) {
        ask_again_where_cut(*board_);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    }
    awaited_ = is_awaited(*board_);
    return gather_stacks(*board_, ::getpid(), frames_);
  }
  // The names on the stack of the waiting thread, with blanks between.
  std::string names(const std::vector<spec::ThreadStack>& stacks) const {
    std::string all;
    for (const spec::ThreadStack& stack : stacks)
      if (stack.id == waiter)
        for (const std::size_t frame : stack.frames) all += frames_[frame].symbol + " ";
    return all;
  }

  std::unique_ptr<spec::StackBoard> board_ = std::make_unique<spec::StackBoard>();
  std::vector<spec::StackFrame> frames_;
  std::thread thread_;
  bool awaited_ = false;
};

TEST_F(TakeStacks, EveryThreadAnswersWhileItWaitsAndAgainTheNextTime) {
  const spec::StackAnswers answers(*board_);
  start_waiter();
  for (int time = 0; time < 20; ++time) {
    const std::vector<spec::ThreadStack> stacks = take(5);
    ASSERT_GE(stacks.size(), 2U);
    EXPECT_EQ(stacks[0].id, ::getpid()) << "the main thread comes first";
    EXPECT_NE(names(stacks).find("waits_until_it_is_over"), std::string::npos) << names(stacks);
    EXPECT_FALSE(stacks[0].frames.empty());
  }
}

TEST_F(TakeStacks, CodeWithoutUnwindingInformationCutsTheStackUntilItIsLeft) {
  const spec::StackAnswers answers(*board_);
  volatile char flag = 0;
  thread_ = std::thread([&] {
    waiter = static_cast<pid_t>(::syscall(SYS_gettid));
    without_unwinding_information(&flag);
    waits_until_it_is_over();
  });
  while (waiter == 0) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto is_cut = [](const std::vector<spec::ThreadStack>& stacks) {
    return std::find_if(stacks.begin(), stacks.end(), [](const auto& one) { return one.id == waiter; })->is_cut;
  };
  std::vector<spec::ThreadStack> stacks = take(5);
  EXPECT_EQ(names(stacks), "without_unwinding_information ");
  EXPECT_TRUE(is_cut(stacks));
  EXPECT_FALSE(stacks.at(0).is_cut);

  stacks = take(5, [&] { flag = 1; });
  EXPECT_NE(names(stacks).find("waits_until_it_is_over"), std::string::npos) << names(stacks);
  EXPECT_FALSE(is_cut(stacks));
}

TEST_F(TakeStacks, AProcessThatDoesNotAnswerYetIsOnlyLookedAt) {
  start_waiter();
  const std::vector<spec::ThreadStack> stacks = take(5);
  ASSERT_GE(stacks.size(), 2U);
  EXPECT_TRUE(frames_.empty());
  EXPECT_NE(stacks[0].name, "");
  EXPECT_NE(stacks[0].state, '?');
}

// As the CUDA driver's threads do.
TEST_F(TakeStacks, AThreadThatBlocksSignalsIsNotWaitedFor) {
  const spec::StackAnswers answers(*board_);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  start_waiter();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const std::vector<spec::ThreadStack> stacks = take(20);
  EXPECT_FALSE(awaited_);
  EXPECT_EQ(names(stacks), "");
  EXPECT_FALSE(stacks.at(0).frames.empty());
}

TEST_F(TakeStacks, MoreThreadsThanTheBoardHasRoomForAreNotAllAsked) {
  const spec::StackAnswers answers(*board_);
  std::vector<std::thread> many;
  for (std::size_t i = 0; i < board_->slots.size() + 20; ++i) many.emplace_back(waits_until_it_is_over);
  const std::vector<spec::ThreadStack> stacks = take(5);
  std::size_t answered = 0;
  for (const spec::ThreadStack& stack : stacks) answered += stack.frames.empty() ? 0 : 1;
  is_over = true;
  for (std::thread& one : many) one.join();
  EXPECT_EQ(answered, board_->slots.size());
  EXPECT_GT(stacks.size(), answered);
}

TEST_F(TakeStacks, AProcessThatHasEndedHasNoThreads) { EXPECT_TRUE(gather_stacks(*board_, 1 << 30, frames_).empty()); }

}  // namespace
}  // namespace muster::node
