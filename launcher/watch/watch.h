// `muster watch [RUN...]`: what runs are doing, live in a terminal, from their files alone; nobody in the cluster
// notices.
#pragma once

#include "launcher/cli/verb.h"

namespace muster::watch {

/// RUNs by folder or job id, or all in runs/: a list with one run in detail behind it. Without a terminal, or on one
/// that is `dumb`, the page is printed once. Returns 0. throws: Error::user for a RUN that is not there.
cli::Verb watch_verb();

}  // namespace muster::watch
