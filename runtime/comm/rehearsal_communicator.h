// A communicator of one process that stands for a rank among others: every call completes at once. For rehearsals.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "runtime/comm/communicator.h"

namespace muster::comm {

/// (colour, key) with which member `rank` of `parent` would split off `name`: what the others would say.
using SplitRule = std::function<std::pair<int, int>(const std::string& parent, const std::string& name, int rank)>;

/// What others would send is a stand-in: of a gather this rank's own part, of a reduction what it put in, of a message
/// zeros. Tensors without data move nothing.
std::unique_ptr<Communicator> make_rehearsal(std::string name, int rank, int size, SplitRule rule);

}  // namespace muster::comm
