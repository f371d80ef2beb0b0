// The indexes of a run's data, made by one process before the ranks start, so that every rank of every node reads the
// same ones: `muster-runtime index` here, in the run folder that all nodes see.
#pragma once

#include <functional>
#include <string>

#include "launcher/supervise/attempt.h"
#include "runtime/base/signals.h"

namespace muster::supervise {

/// Nothing to do where every source is built in. `say` is told what the process says, line by line. INT, TERM and HUP
/// end it. throws: Error::user with what it refused; Error::rank when it was ended.
void prepare_data(const spec::Plan& plan, const Attempt& attempt, base::SignalQueue& signals,
                  const std::function<void(const std::string&)>& say);

}  // namespace muster::supervise
