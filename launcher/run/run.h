// `muster run`: a run on this machine, or across the nodes of the allocation that it is called in, watched to its end.
#pragma once

#include "launcher/cli/verb.h"

namespace muster::run {

/// JOB [--cluster C] [--run-dir DIR] [--set key=value]..., --plan FILE, or --run-dir DIR alone for the next attempt.
/// Returns 0, the code of the failure, or 130 after Ctrl-C. With --detach it returns once the ranks are started, and
/// the run goes on in the background.
cli::Verb run_verb();

}  // namespace muster::run
