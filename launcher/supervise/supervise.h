// One attempt of a run from its beginning to its verdict: what `muster supervise` does inside a job and `muster run` on
// this machine.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "launcher/cli/verb.h"
#include "launcher/supervise/attempt.h"
#include "launcher/supervise/nodes.h"
#include "launcher/supervise/verdict.h"

namespace muster::supervise {

/// Told about ten times a second while ranks run, and once before they are started.
using Watcher = std::function<void(const Attempt&)>;

struct AttemptOptions {
  std::vector<std::string> srun_flags;  // of the cluster file
  Watcher watcher = [](const Attempt&) {};
  std::function<void(const std::string&)> say = [](const std::string&) {};  // lines of what happens before the ranks
};

/// Begins the next attempt of plan.run_folder (plan.toml lies there), runs it, writes verdict.json. INT, TERM and HUP
/// end it, a second INT at once (HUP and INT not where they are ignored, as under nohup); USR2 is handed on to the
/// ranks. Ignores SIGPIPE from then on. Leaves no process behind, not even those that made a session of their own. When
/// one agent fails the others have 15 s to end. throws: Error when the attempt cannot begin; failures of the run itself
/// are the verdict.
records::Verdict run_attempt(const spec::Plan& plan, const Nodes& nodes, const AttemptOptions& options);

/// `muster supervise RUN_FOLDER [srun flags]`: run_attempt on the nodes of this job, then requeue where the plan says
/// so. Speaks to stderr. Returns the verdict's code.
cli::Verb supervise_verb();
int supervise(const std::vector<std::string>& words);

}  // namespace muster::supervise
