// `muster compare`: two runs, or a run and a published row, side by side.
#pragma once

#include "launcher/cli/verb.h"

namespace muster::compare {

cli::Verb compare_verb();

}  // namespace muster::compare
