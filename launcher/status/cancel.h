// `muster cancel`: ends a run.
#pragma once

#include "launcher/cli/verb.h"

namespace muster::status {

/// A submitted run is cancelled by scancel, a local one by TERM to its supervisor; waits until it has ended (30 s).
cli::Verb cancel_verb();

}  // namespace muster::status
