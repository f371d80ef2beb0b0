// A communicator that compares before it calls: the ranks show each other what they are about to do (number, kind,
// label, type, sizes) over a group beside it, so that a mismatch ends as a sentence that names both ranks and not as a
// hang.
#pragma once

#include <memory>

#include "runtime/comm/communicator.h"

namespace muster::comm {

/// `beside` holds the same ranks in the same order and may move CPU tensors (gloo). Splits are compared too.
/// On a mismatch every rank throws Error::rank; one exchange of under a hundred bytes a rank precedes each call.
std::unique_ptr<Communicator> make_compared(std::unique_ptr<Communicator> inner, std::unique_ptr<Communicator> beside);

}  // namespace muster::comm
