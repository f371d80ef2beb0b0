// The sends and receives below the gloo communicator; the one room-internal door to c10d's gloo group. Internal to
// comm/.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "runtime/comm/store.h"

namespace muster::comm {

/// Bytes to or from one peer. `to_peer` reads, otherwise the bytes are written.
struct Message {
  int peer = 0;
  bool to_peer = false;
  void* bytes = nullptr;
  std::size_t size = 0;
};

/// One thread moves messages at a time; abort() may come from any thread.
class GlooTransport {
 public:
  struct Device;  // the listening socket and its thread, shared by the groups of a process
  static std::shared_ptr<Device> open_device(const std::string& address);  // shared: by the groups of a process

  /// collective. throws: what c10d throws.
  GlooTransport(std::shared_ptr<Device> device, std::shared_ptr<Store> store, int rank, int size, double timeout_s);
  ~GlooTransport();
  /// Posts all, receives first, then waits for all. Messages between two ranks match in order under one tag; empty ones
  /// are left out on both sides. throws: PeerFailure.
  void move(std::span<const Message> messages, int tag, double timeout_s);
  /// Ends waits here and closes the connections, so that peers' waits end too.
  void abort();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::comm
