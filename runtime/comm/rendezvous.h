// Rendezvous: rank 0 listens on the attempt's address and port, every rank connects, and all hold one Store.
//
// Both ends prove that they know the attempt's key (HMAC-SHA-256 over fresh random numbers of both) before anything
// else is said, so a stranger who connects is closed and learns and changes nothing, and a rank does not believe a
// stranger that listens. c10d's TCPStore is not used for that reason: it answers whoever connects, and lists its keys.
// What follows on the connection is not encrypted.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "runtime/comm/store.h"

namespace muster::comm {

struct RendezvousOptions {
  std::string address;  // host name or number of rank 0's node
  int port = 0;
  std::string key;  // the secret of the attempt; not empty
  int rank = 0;
  double timeout_s = 60;  // until the listener answers
  int listening_fd = -1;  // rank 0: a socket that listens already, taken over; -1: it opens its own
};

/// Rank 0 starts the server in a thread of its own, which lives as long as its Store; every rank connects, trying again
/// until the limit. throws: Error::cluster when the port is taken, nobody listens in time, or the other end does not
/// know the key.
std::shared_ptr<Store> join_rendezvous(const RendezvousOptions& options);

/// The secret of an attempt. throws: Error::user unless the file belongs to this user, has mode 0600 and holds a key.
std::string read_attempt_key(const std::filesystem::path& path);

}  // namespace muster::comm
