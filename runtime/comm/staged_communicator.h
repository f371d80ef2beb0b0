// staged: tensors of a GPU over gloo, through host memory, so that several ranks can share one GPU. Slow, and the same
// results.
#pragma once

#include <memory>

#include "runtime/comm/communicator.h"

namespace muster::comm {

/// `host` moves the copies (gloo); name, ranks and time limits are its own. Works on CPU tensors too, with the same
/// copies.
std::unique_ptr<Communicator> make_staged(std::unique_ptr<Communicator> host);

}  // namespace muster::comm
