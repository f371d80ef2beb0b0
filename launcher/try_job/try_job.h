// `muster try JOB`: what `run` and `submit` try before they make a run folder, shown.
#pragma once

#include "launcher/cli/verb.h"

namespace muster::try_job {

cli::Verb try_verb();

}  // namespace muster::try_job
