// Bytes of every rank to every rank, where their numbers differ: samples, notes, what people are told.
#pragma once

#include <cstdint>
#include <vector>

namespace muster::comm {

class Communicator;

/// Bytes of every rank, in rank order. `comm` moves tensors of the host. collective: comm.
std::vector<std::vector<std::uint8_t>> all_gather_bytes(Communicator& comm, const std::vector<std::uint8_t>& own,
                                                        const char* label);

}  // namespace muster::comm
