// `muster keys`: what may stand in a job, a cluster file and the personal file, and what a record of a step says.
#pragma once

#include "launcher/cli/verb.h"

namespace muster::keys {

cli::Verb keys_verb();

}  // namespace muster::keys
