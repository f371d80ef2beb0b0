// `muster rows`: the published rows, and what of each job the runtime does not run yet.
#pragma once

#include "launcher/cli/verb.h"

namespace muster::show_rows {

cli::Verb rows_verb();

}  // namespace muster::show_rows
