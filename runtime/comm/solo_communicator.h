// solo: the communicator of a group of one. Every call returns its input, so one rank runs the same lines as many.
#pragma once

#include <memory>
#include <string>

#include "runtime/comm/communicator.h"

namespace muster::comm {

/// `world_rank`: the rank that is alone here, for messages.
std::unique_ptr<Communicator> make_solo(std::string name, int world_rank = 0);

}  // namespace muster::comm
