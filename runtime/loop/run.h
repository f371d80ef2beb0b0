// A whole run of one rank: load, warm start, steps, final model.
#pragma once

#include "runtime/loop/context.h"

namespace muster::loop {

/// collective: world.
void run(RankContext& context);

}  // namespace muster::loop
