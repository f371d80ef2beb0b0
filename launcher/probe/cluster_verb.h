// `muster cluster show | probe | diff`: for the admin who writes or tunes a cluster file.
#pragma once

#include "launcher/cli/verb.h"
#include "launcher/cluster/user_settings.h"
#include "launcher/slurm/queries.h"

namespace muster::probe {

cli::Verb cluster_verb();

struct ClusterOptions {
  std::vector<std::string> words;  // show FILE, probe, diff FILE
  std::filesystem::path output;
  cluster::UserSettings user_settings;  // the partition
};

/// show FILE|NAME draws a node. probe [--partition P] [--output FILE] writes a cluster file. diff FILE|NAME prints
/// where file and cluster differ, and returns 1 when they do. throws: Error::user, Error::cluster.
int run_cluster(const ClusterOptions& options, slurm::Queries& queries);

}  // namespace muster::probe
