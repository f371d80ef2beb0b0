#include "runtime/node/take_stacks.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "runtime/base/error.h"
#include "runtime/base/files.h"
#include "runtime/base/symbols.h"
#include "runtime/base/text.h"

namespace muster::node {
namespace {

using base::text;
using spec::SlotState;
using spec::ThreadStack;

std::string proc_text(pid_t pid, pid_t thread, const char* name) {
  try {
    return base::trim(base::read_file(text("/proc/", pid, "/task/", thread, "/", name)));
  } catch (const Error&) {
    return "";  // it has ended, or the kernel does not say
  }
}

// The calls in which threads wait; of others the number is told.
std::string call_name(const std::string& number) {
  static const std::map<long, const char*> names{
      {SYS_read, "read"},           {SYS_write, "write"},           {SYS_ppoll, "ppoll"},
      {SYS_futex, "futex"},         {SYS_pread64, "pread"},         {SYS_pwrite64, "pwrite"},
      {SYS_nanosleep, "nanosleep"}, {SYS_recvfrom, "recvfrom"},     {SYS_clock_nanosleep, "clock_nanosleep"},
      {SYS_sendto, "sendto"},       {SYS_recvmsg, "recvmsg"},       {SYS_epoll_pwait, "epoll_wait"},
      {SYS_ioctl, "ioctl"},         {SYS_fsync, "fsync"},           {SYS_openat, "openat"},
      {SYS_munmap, "munmap"},       {SYS_connect, "connect"},       {SYS_madvise, "madvise"},
#ifdef SYS_poll
      {SYS_poll, "poll"},           {SYS_epoll_wait, "epoll_wait"},
#endif
  };
  const auto found = names.find(std::atol(number.c_str()));
  return found == names.end() ? text("call ", number) : found->second;
}

ThreadStack seen_from_outside(pid_t pid, pid_t thread) {
  ThreadStack stack{.id = thread, .name = proc_text(pid, thread, "comm")};
  const std::string stat = proc_text(pid, thread, "stat");  // "4711 (a name) S ..."
  if (const std::size_t end = stat.rfind(") "); end != std::string::npos && end + 2 < stat.size())
    stack.state = stat[end + 2];
  if (const std::string wait = proc_text(pid, thread, "wchan"); wait != "0") stack.waits_in = wait;
  const std::string call = proc_text(pid, thread, "syscall");
  if (!call.empty() && std::isdigit(static_cast<unsigned char>(call[0])))
    stack.syscall = call_name(call.substr(0, call.find(' ')));
  return stack;
}

std::vector<pid_t> threads_of(pid_t pid) {
  std::vector<pid_t> threads;
  std::error_code ended;
  for (const auto& entry : std::filesystem::directory_iterator(text("/proc/", pid, "/task"), ended))
    threads.push_back(static_cast<pid_t>(std::atol(entry.path().filename().c_str())));
  std::sort(threads.begin(), threads.end());
  std::stable_partition(threads.begin(), threads.end(), [&](pid_t thread) { return thread == pid; });
  return threads;
}

// As the kernel tells it, in hexadecimal.
bool blocks_the_question(pid_t pid, pid_t thread) {
  const std::string status = proc_text(pid, thread, "status");
  const std::size_t at = status.find("SigBlk:");
  if (at == std::string::npos) return false;
  return (std::strtoull(status.c_str() + at + 7, nullptr, 16) >> (SIGQUIT - 1) & 1) != 0;
}

struct Answer {
  std::vector<std::uint64_t> frames;
  bool is_cut = false;
};
using Answers = std::map<pid_t, Answer>;  // by thread

// What is still asked is asked no more.
Answers answers_on(spec::StackBoard& board) {
  Answers answers;
  for (spec::StackSlot& slot : board.slots) {
    SlotState asked = SlotState::asked;
    if (slot.state.compare_exchange_strong(asked, SlotState::free) || asked != SlotState::answered) continue;
    const std::size_t count = std::min<std::size_t>(slot.num_frames, slot.frames.size());
    answers[slot.thread.load()] = {{slot.frames.begin(), slot.frames.begin() + static_cast<std::ptrdiff_t>(count)},
                                   slot.is_cut};
    slot.state.store(SlotState::free);
  }
  return answers;
}

std::size_t index_of(const spec::StackFrame& frame, std::vector<spec::StackFrame>& frames) {
  const auto index = static_cast<std::size_t>(std::find(frames.begin(), frames.end(), frame) - frames.begin());
  if (index == frames.size()) frames.push_back(frame);
  return index;
}

// A return address lies behind its call, which may be another function's first byte.
void name_frames(pid_t pid, const Answers& answers, std::vector<ThreadStack>& stacks,
                 std::vector<spec::StackFrame>& frames) {
  std::vector<std::uint64_t> addresses;
  for (const auto& [thread, answer] : answers)
    for (std::size_t i = 0; i < answer.frames.size(); ++i) addresses.push_back(answer.frames[i] - (i > 0 ? 1 : 0));
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  const std::vector<base::CodePlace> places = base::code_places(pid, addresses);
  for (ThreadStack& stack : stacks) {
    const auto answer = answers.find(static_cast<pid_t>(stack.id));
    if (answer == answers.end()) continue;
    stack.is_cut = answer->second.is_cut;
    const std::vector<std::uint64_t>& asked = answer->second.frames;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto found = std::lower_bound(addresses.begin(), addresses.end(), asked[i] - (i > 0 ? 1 : 0));
      const base::CodePlace& place = places[found - addresses.begin()];
      stack.frames.push_back(index_of({place.module, place.address, place.symbol}, frames));
    }
  }
}

}  // namespace

void ask_for_stacks(spec::StackBoard& board) {
  const pid_t pid = board.pid.load();
  if (pid == 0) return;
  auto slot = board.slots.begin();
  for (const pid_t thread : threads_of(pid)) {
    if (blocks_the_question(pid, thread)) continue;
    while (slot != board.slots.end() && slot->state.load() == SlotState::writing) ++slot;  // of a question before
    if (slot == board.slots.end()) return;
    slot->thread.store(thread);
    slot->state.store(SlotState::asked);
    ++slot;
    ::syscall(SYS_tgkill, pid, thread, SIGQUIT);
  }
}

void ask_again_where_cut(spec::StackBoard& board) {
  for (spec::StackSlot& slot : board.slots) {
    if (slot.state.load() != SlotState::answered || !slot.is_cut) continue;
    slot.state.store(SlotState::asked);
    ::syscall(SYS_tgkill, board.pid.load(), slot.thread.load(), SIGQUIT);
  }
}

bool is_awaited(const spec::StackBoard& board) {
  return std::any_of(board.slots.begin(), board.slots.end(), [](const spec::StackSlot& slot) {
    const SlotState state = slot.state.load();
    return state == SlotState::asked || state == SlotState::writing;
  });
}

std::vector<ThreadStack> gather_stacks(spec::StackBoard& board, pid_t pid, std::vector<spec::StackFrame>& frames) {
  if (const pid_t answering = board.pid.load(); answering != 0) pid = answering;
  std::vector<ThreadStack> stacks;
  for (const pid_t thread : threads_of(pid)) stacks.push_back(seen_from_outside(pid, thread));
  name_frames(pid, answers_on(board), stacks, frames);
  return stacks;
}

}  // namespace muster::node
