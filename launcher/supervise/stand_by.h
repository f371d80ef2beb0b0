// A process that stands beside the supervisor of a job. The job ends with its batch script, so what the script runs
// first does as little as can be: should the supervisor be killed, it is still there to queue the job again.
#pragma once

#include <optional>

#include "runtime/base/process.h"

namespace muster::supervise {

/// Makes a child that goes on as the caller: there it returns none. In this process it returns when the child has
/// ended, and how. Until then TERM, HUP and USR2 go on to the child, and INT as TERM, because Slurm may have sent it to
/// both and a second INT means to hurry. The child dies with this process. Call it before any thread is started.
/// throws: Error::cluster when there can be no child.
std::optional<base::ChildEnd> stand_by();

}  // namespace muster::supervise
