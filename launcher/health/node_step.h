// check_node on many nodes at once: one task of srun on each, which answers with one line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "launcher/cli/verb.h"
#include "launcher/health/node_checks.h"

namespace muster::health {

struct NodeStep {
  std::vector<std::string> hosts;       // none: one node of the allocation
  std::filesystem::path program;        // muster, as the nodes see it
  std::vector<std::string> flags = {};  // of srun, and what stands before the program (a container)
  Wanted wanted;
  double deadline_s = 180;
};

/// The words of srun. The check is the hidden verb `muster check-node WANTED`.
std::vector<std::string> node_step_command(const NodeStep& step);
/// In the order of the hosts; waits until all have answered or the deadline. A host that did not is a report that says
/// so. throws: Error::cluster when srun cannot be started.
std::vector<Report> run_node_step(const NodeStep& step);
/// The reports among the lines of `output`. Pure.
std::vector<Report> reports_in(const std::string& output);
/// Those by host; `errors`: what srun said, for hosts without a line. Pure.
std::vector<Report> collect_reports(const std::vector<std::string>& hosts, const std::string& output,
                                    const std::string& errors);

/// Adds to the reports what only a comparison shows: clocks that differ from `here_s` (seconds since 1970, now) by more
/// than 1 s (10 s: an error), GPUs of several fabrics where `shares_fabric`. `took_s`: how long the reports took.
void compare_nodes(std::vector<Report>& reports, double here_s, double took_s, bool shares_fabric);

/// The hidden verb `muster check-node WANTED`: prints the report of this node as one line; 0.
cli::Verb check_node_verb();

}  // namespace muster::health
