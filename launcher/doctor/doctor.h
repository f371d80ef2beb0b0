// `muster doctor`: what will and will not work on this cluster, before a job finds out. Here in seconds; with --submit
// also on one node, as a job of a minute.
#pragma once

#include <filesystem>
#include <string>

#include "launcher/cli/verb.h"
#include "launcher/cluster/cluster.h"
#include "launcher/cluster/user_settings.h"
#include "launcher/health/finding.h"
#include "launcher/slurm/control.h"
#include "launcher/slurm/queries.h"

namespace muster::doctor {

/// What is looked at: the cluster with the user's settings, where runs go, and the programs that nodes will start.
struct Place {
  cluster::Cluster cluster;
  std::filesystem::path run_root, binaries;
  std::string path;  // $PATH
};

/// The login node: Slurm's answer and releases, its commands, partition, nodes and account, the run root, where the
/// binaries lie. `script`: a batch script that Slurm is asked about and not given.
health::Report look_here(const Place& place, slurm::Queries& queries, slurm::Control& control,
                         const std::filesystem::path& script);

/// The batch script of a job that looks at one node. `folder`: of its output.
std::string look_script(const Place& place, const std::filesystem::path& folder, const std::string& canary);

/// Submits it and waits until it has ended, `patience_s` at most or until a signal (INT, TERM, HUP) asks to stop; then
/// it is cancelled, and the report says so.
health::Report look_at_a_node(slurm::Queries& queries, slurm::Control& control, const std::filesystem::path& script,
                              double patience_s = 300);

/// Prints the page, or with --json one line a report; 0: all is well, 1: something to look at, 3: something to fix.
cli::Verb doctor_verb();

}  // namespace muster::doctor
