// `muster cluster show | probe | diff`: for the admin who writes or tunes a cluster file.
#pragma once

#include "launcher/cli/options.h"
#include "launcher/slurm/queries.h"

namespace muster::probe {

/// show FILE|NAME draws a node. probe [--partition P] [--output FILE] writes a cluster file. diff FILE|NAME prints
/// where file and cluster differ, and returns 1 when they do. throws: Error::user, Error::cluster.
int cluster_verb(const cli::Options& typed, slurm::Queries& queries);
int cluster_verb(const cli::Options& typed);

}  // namespace muster::probe
