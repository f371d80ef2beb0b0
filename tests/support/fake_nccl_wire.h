// What the processes of the NCCL stand-in say to each other: a mesh of local sockets for each communicator, frames with
// a description of the call, and an acknowledgement of each, so that a send is over only when it was received.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace muster::tests {

enum class FrameKind : std::int32_t {
  hello,
  acknowledge,
  all_reduce,
  all_gather,
  reduce_scatter,
  broadcast,
  message,
  split
};
const char* frame_kind_name(FrameKind kind);

/// What stands before the bytes of a message. Both sides' must be equal, their rank aside.
struct Frame {
  FrameKind kind = FrameKind::hello;
  std::int32_t type = -1;
  std::int32_t detail = 0;      // reduction or root
  std::int32_t rank = 0;        // of the sender
  std::int64_t count = 0;       // elements of the call
  std::int64_t sequence = 0;    // of the collective calls of this communicator
  std::int64_t pair_order = 0;  // of all calls in which these two processes meet, over all communicators
  std::int64_t bytes = 0;       // that follow
  std::int64_t process = 0;     // of the sender
};
std::string text_of(const Frame& frame);

struct Outgoing {
  Frame frame;
  const void* bytes = nullptr;
};
struct Expected {
  Frame frame;  // what the sender's frame must be
  void* bytes = nullptr;
};

/// The connections of one communicator of this process.
struct Mesh {
  std::string name;
  int rank = 0, size = 0;
  std::vector<int> sockets;             // by peer; -1 for oneself
  std::vector<std::int64_t> processes;  // by peer
  std::atomic<bool> aborted{false};
  std::atomic<bool> peer_lost{false};

  /// Waits until all ranks have come, or abort.
  void connect();
  /// Sends and receives by peer, until all is sent, acknowledged and received, or abort.
  void exchange(std::vector<std::deque<Outgoing>> out, std::vector<std::deque<Expected>> in);
  void shut_down();
};

}  // namespace muster::tests
