// muster tune: which layouts of a job look faster than today's.
#pragma once

#include <string>

#include "launcher/cli/verb.h"
#include "launcher/tune/search.h"

namespace muster::tune {

/// throws: Error::user (the job, the cluster file without rates).
cli::Verb tune_verb();

/// The first ten, and today's layout wherever it stands; below, the command that plans the best, with what the
/// request changes.
std::string tune_page(const Found& found, const plan::Request& request);

}  // namespace muster::tune
