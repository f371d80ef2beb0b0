// muster tune: which layouts of a job look faster than today's.
#pragma once

#include <string>

#include "launcher/cli/options.h"
#include "launcher/tune/search.h"

namespace muster::tune {

/// throws: Error::user (the job, the cluster file without rates).
int tune_verb(const cli::Options& typed);

/// The first ten, and today's layout wherever it stands; below, the command that plans the best, with what the
/// request changes.
std::string tune_page(const Found& found, const plan::Request& request);

}  // namespace muster::tune
