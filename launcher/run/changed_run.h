// A run that is there, under other settings: `--run-dir DIR --set grpo.steps=N`. What may change between two attempts
// is planned anew; what would make it another run is refused. And whether its job file was edited meanwhile.
#pragma once

#include <string>
#include <vector>

#include "launcher/cluster/cluster.h"
#include "launcher/cluster/user_settings.h"
#include "runtime/spec/plan.h"

namespace muster::run {

struct RunChange {
  std::vector<std::string> overrides;  // --set, as typed
  std::string cluster;                 // --cluster; empty: the plan's
  cluster::UserSettings user_settings;
};

struct ChangedRun {
  spec::Plan plan;
  cluster::Cluster cluster;
  std::vector<std::string> changes;  // "grpo.steps 4 -> 6"
};

/// throws: Error::user when a setting decides what the run computes (its steps so far would be another run's), or when
/// it has checkpoints and none can be read any more.
ChangedRun plan_changed_run(const spec::Plan& plan, const RunChange& change);

/// A sentence when the job file that this run came from says other than the plan now; "" otherwise, and where the file
/// is not known or not there.
std::string edited_job_text(const spec::Plan& plan);

}  // namespace muster::run
