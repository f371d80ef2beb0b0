// muster tune: which layouts of a job look faster than today's.
#pragma once

#include <string>

#include "launcher/cli/options.h"
#include "launcher/tune/search.h"

namespace muster::tune {

/// throws: Error::user (the job, the cluster file without rates).
int tune_verb(const cli::Options& typed);

/// The first ten, and today's layout wherever it stands; below, the --set words of the best.
std::string tune_page(const Found& found, const std::string& job, const std::string& cluster);

}  // namespace muster::tune
