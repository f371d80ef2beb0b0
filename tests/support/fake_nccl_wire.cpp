#include "tests/support/fake_nccl_wire.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "runtime/base/text.h"
#include "tests/support/fake_cuda.h"

namespace muster::tests {
namespace {

constexpr int kLook_ms = 5;

/// An address without a file: it ends with its process.
socklen_t local_address(sockaddr_un& address, const std::string& name) {
  address = {};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::min(name.size(), sizeof address.sun_path - 1);
  std::memcpy(address.sun_path + 1, name.data(), length);
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
}

bool transfer(int socket, Frame& frame, bool sending) {
  auto* bytes = reinterpret_cast<char*>(&frame);
  for (std::size_t done = 0; done < sizeof frame;) {
    const ssize_t count = sending ? ::send(socket, bytes + done, sizeof frame - done, MSG_NOSIGNAL)
                                  : ::recv(socket, bytes + done, sizeof frame - done, 0);
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

/// The state of one peer during an exchange.
struct Talk {
  std::deque<Outgoing> out;
  std::deque<Expected> in;
  std::size_t num_unacknowledged = 0;
  std::size_t sent = 0;      // bytes of the first outgoing, frame included
  std::size_t received = 0;  // bytes of the incoming, frame included
  Frame incoming;
  bool done() const { return out.empty() && in.empty() && num_unacknowledged == 0; }
};

/// False: the other end is gone.
bool send_some(int socket, Talk& talk, int own_rank) {
  while (!talk.out.empty()) {
    Outgoing& first = talk.out.front();
    first.frame.rank = own_rank;
    const std::size_t total = sizeof(Frame) + static_cast<std::size_t>(first.frame.bytes);
    const char* from = talk.sent < sizeof(Frame) ? reinterpret_cast<const char*>(&first.frame) + talk.sent
                                                 : static_cast<const char*>(first.bytes) + (talk.sent - sizeof(Frame));
    const std::size_t left = talk.sent < sizeof(Frame) ? sizeof(Frame) - talk.sent : total - talk.sent;
    if (left > 0) {
      const ssize_t count = ::send(socket, from, left, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      talk.sent += static_cast<std::size_t>(count);
    }
    if (talk.sent < total) continue;
    talk.sent = 0;
    talk.out.pop_front();
  }
  return true;
}

void check_frame(const Mesh& mesh, const Talk& talk, int peer) {
  const Frame& got = talk.incoming;
  if (got.kind == FrameKind::acknowledge) return;
  if (talk.in.empty())
    fake_fault(base::text(mesh.name, ": rank ", peer, " sends to rank ", mesh.rank, " what nothing here receives (",
                          text_of(got), "): sends and receives that belong together stand in no group"));
  const Frame& want = talk.in.front().frame;
  if (got.pair_order != want.pair_order)
    fake_fault(base::text(mesh.name, ": ranks ", peer, " and ", mesh.rank,
                          " use their communicators in different orders: here call ", want.pair_order,
                          " between them, there call ", got.pair_order));
  if (got.kind != want.kind || got.type != want.type || got.detail != want.detail || got.count != want.count ||
      got.sequence != want.sequence)
    fake_fault(base::text(mesh.name, ": rank ", peer, " calls ", text_of(got), ", rank ", mesh.rank, " calls ",
                          text_of(want)));
}

bool receive_some(const Mesh& mesh, int peer, Talk& talk) {
  while (!talk.done()) {
    const bool head = talk.received < sizeof(Frame);
    char* to = head ? reinterpret_cast<char*>(&talk.incoming) + talk.received
                    : static_cast<char*>(talk.in.front().bytes) + (talk.received - sizeof(Frame));
    const std::size_t left = head ? sizeof(Frame) - talk.received
                                  : sizeof(Frame) + static_cast<std::size_t>(talk.incoming.bytes) - talk.received;
    if (left > 0) {
      const ssize_t count = ::recv(mesh.sockets[peer], to, left, MSG_DONTWAIT);
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      if (count == 0) return false;
      talk.received += static_cast<std::size_t>(count);
      if (head && talk.received == sizeof(Frame)) check_frame(mesh, talk, peer);
    }
    if (talk.received < sizeof(Frame) || talk.received < sizeof(Frame) + static_cast<std::size_t>(talk.incoming.bytes))
      continue;
    talk.received = 0;
    if (talk.incoming.kind == FrameKind::acknowledge) {
      --talk.num_unacknowledged;
    } else {
      talk.in.pop_front();
      talk.out.push_back({{.kind = FrameKind::acknowledge}, nullptr});
      send_some(mesh.sockets[peer], talk, mesh.rank);
    }
  }
  return true;
}

}  // namespace

const char* frame_kind_name(FrameKind kind) {
  constexpr const char* names[] = {"hello",          "acknowledge", "all_reduce", "all_gather",
                                   "reduce_scatter", "broadcast",   "a message",  "split"};
  return names[static_cast<int>(kind)];
}

std::string text_of(const Frame& frame) {
  return base::text(frame_kind_name(frame.kind), " of ", frame.count, " x type ", frame.type, " detail ", frame.detail,
                    " as call ", frame.sequence);
}

void Mesh::connect() {
  sockets.assign(static_cast<std::size_t>(size), -1);
  processes.assign(static_cast<std::size_t>(size), 0);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address;
  const socklen_t own = local_address(address, base::text(name, ".", rank));
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), own) != 0 || ::listen(listener, 64) != 0)
    fake_fault(base::text(name, ": two ranks are rank ", rank));
  Frame hello{.rank = rank, .process = ::getpid()};
  for (int peer = 0; peer < rank && !aborted; ++peer) {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const socklen_t length = local_address(address, base::text(name, ".", peer));
    while (::connect(socket, reinterpret_cast<sockaddr*>(&address), length) != 0 && !aborted)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    Frame theirs;
    if (!aborted && transfer(socket, hello, true) && transfer(socket, theirs, false)) processes[peer] = theirs.process;
    sockets[peer] = socket;
  }
  for (int missing = size - 1 - rank; missing > 0 && !aborted;) {
    pollfd polled{listener, POLLIN, 0};
    if (::poll(&polled, 1, kLook_ms) <= 0) continue;
    const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    Frame theirs;
    if (socket < 0 || !transfer(socket, theirs, false) || !transfer(socket, hello, true)) continue;
    sockets[theirs.rank] = socket;
    processes[theirs.rank] = theirs.process;
    --missing;
  }
  ::close(listener);
}

void Mesh::exchange(std::vector<std::deque<Outgoing>> out, std::vector<std::deque<Expected>> in) {
  std::vector<Talk> talks(static_cast<std::size_t>(size));
  for (std::size_t peer = 0; peer < talks.size(); ++peer) {
    talks[peer].num_unacknowledged = out[peer].size();
    talks[peer].out = std::move(out[peer]);
    talks[peer].in = std::move(in[peer]);
  }
  while (!aborted) {
    std::vector<pollfd> polled;
    for (std::size_t peer = 0; peer < talks.size(); ++peer) {
      Talk& talk = talks[peer];
      if (talk.done()) continue;
      if (!send_some(sockets[peer], talk, rank) || !receive_some(*this, static_cast<int>(peer), talk)) peer_lost = true;
      if (!talk.done())
        polled.push_back({sockets[peer], static_cast<short>(POLLIN | (talk.out.empty() ? 0 : POLLOUT)), 0});
    }
    if (polled.empty()) return;
    if (peer_lost)
      std::this_thread::sleep_for(std::chrono::milliseconds(kLook_ms));  // as the real one: waits for abort
    else
      ::poll(polled.data(), polled.size(), kLook_ms);
  }
}

void Mesh::shut_down() {
  for (const int socket : sockets)
    if (socket >= 0) ::shutdown(socket, SHUT_RDWR);  // not closed: a stream's thread may be in it
}

}  // namespace muster::tests
