// A whole run of one rank: load, warm start, steps, final model.
#pragma once

#include "runtime/loop/context.h"

namespace muster::loop {

/// collective: world.
/// throws: Error::cluster on every rank, when it stopped before its last step because a time limit is near.
void run(RankContext& context);

}  // namespace muster::loop
