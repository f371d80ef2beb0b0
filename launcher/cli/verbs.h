// The verbs that only look: plan, rows and keys. Those that start something stand in the rooms that start it.
#pragma once

#include "launcher/cli/options.h"

namespace muster::cli {

int run_plan(const Options& options);
int run_rows(const Options& options);
int run_keys(const Options& options);

}  // namespace muster::cli
