// What one call of the NCCL stand-in does to the bytes of all its ranks, once it is its turn.
#pragma once

#include <map>
#include <vector>

#include "tests/support/fake_nccl_wire.h"

namespace muster::tests {

constexpr int kCompletesLate_us = 800;  // at most, after every rank has come

struct Operation {
  Frame frame;  // without rank, order and bytes
  const void* from = nullptr;
  void* to = nullptr;
  int peer = -1;  // of a message
  bool is_send = false;
};

/// Gathers every rank's `from` bytes, row by row; `bytes` 0 for those that only listen. `orders`: Frame::pair_order by
/// peer.
std::vector<char> gather(Mesh& mesh, const Frame& frame, const std::vector<std::int64_t>& orders, const void* from,
                         std::size_t bytes, const std::vector<std::size_t>& bytes_of_peer);

void run_collective(Mesh& mesh, const Operation& operation, const std::vector<std::int64_t>& orders);
/// The sends and receives of one group. `orders`: Frame::pair_order by peer.
void run_messages(Mesh& mesh, const std::vector<Operation>& operations, const std::map<int, std::int64_t>& orders);

}  // namespace muster::tests
