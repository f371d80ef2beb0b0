// The two files by which `muster stacks` and the node agents talk, in the folder of the attempt. stacks.request: the
// number of the newest question, raised by whoever asks. node_<slot>.stacks: where the ranks of one node stood when its
// agent last looked, because it was asked or because a rank fell silent. Both are replaced whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace muster::spec {

std::string stacks_request_text(std::int64_t number);  // {"number": 3}
/// throws: Error::user naming `where`.
std::int64_t parse_stacks_request(const std::string& text, const std::string& where);

/// A place in the code. `address` is the module's own, what `addr2line -e module` takes; that of a caller lies in its
/// call.
struct StackFrame {
  std::string module;         // path of the file that is mapped there, or ""
  std::uint64_t address = 0;  // within it; the process's where there is no module
  std::string symbol;         // as the linker knows it (mangled), or ""
  bool operator==(const StackFrame&) const = default;
};

struct ThreadStack {
  std::int64_t id = 0;
  std::string name;
  char state = '?';      // of /proc: R runs, S waits, D waits in the kernel, T is stopped
  std::string waits_in;  // the kernel's function in which it waits, "" when it runs or the kernel does not say
  std::string syscall;   // the call that it is in, "" as above
  std::vector<std::size_t> frames;  // into NodeStacks::frames, innermost first; empty: it did not answer
  bool is_cut = false;              // the last frame's code has no unwinding information: what called it is not known
  bool operator==(const ThreadStack&) const = default;
};

struct RankStacks {
  std::int64_t rank = 0;
  std::int64_t pid = 0;
  std::string phase;
  std::int64_t step = 0;
  bool in_call = false;              // it is within last_call; otherwise that is over
  std::int64_t calls = 0;            // collectives that it has begun
  std::string last_call;             // "train.dp all_reduce #12 grads"; "" before the first
  double still_s = 0;                // since its last sign of progress
  std::vector<ThreadStack> threads;  // the main thread first
  bool operator==(const RankStacks&) const = default;
};

struct NodeStacks {
  std::int64_t number = 0;  // the newest question that was answered
  std::int64_t time_s = 0;  // UTC, since 1970
  std::int64_t slot = 0;
  std::string host;
  std::string reason;  // "" as asked; otherwise why the agent looked by itself: "rank 3 is silent: no beat for 10 s"
  std::vector<RankStacks> ranks;   // that ran; none: nobody has looked yet
  std::vector<StackFrame> frames;  // each once
  bool operator==(const NodeStacks&) const = default;
};
std::string node_stacks_text(const NodeStacks& stacks);  // one JSON object
/// throws: Error::user naming `where`.
NodeStacks parse_node_stacks(const std::string& text, const std::string& where);

}  // namespace muster::spec
