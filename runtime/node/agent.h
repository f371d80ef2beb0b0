// The node agent: `muster-runtime node`. Starts the ranks of one node slot and their reward workers, watches them, ends
// them together when one fails, and leaves an exit record for each. No tensors, no collectives.
#pragma once

#include <cstdint>
#include <filesystem>

#include "runtime/spec/plan.h"

namespace muster::node {

struct AgentOptions {
  std::int64_t slot = 0;
  std::filesystem::path plan, placement;  // as the ranks are told
  std::filesystem::path binaries;         // where muster-rank and muster-runtime lie
  bool is_quiet = false;                  // only what went wrong is said
};

/// Runs until every rank of the slot has ended and nothing below it is left, sessions of their own included. TERM, INT
/// and HUP end the ranks (3 s, then KILL), HUP and INT not where the starter ignores them; USR2 goes to the ranks and
/// to nobody else. Logs to stderr. Returns 0 when all ranks ended with 0; 128
/// + signal when it was told to end; otherwise the code of the failure (2, 3, 4, 70). throws: Error when plan,
/// placement and slot do not fit, before any rank is started. A run folder that another attempt has taken, or that is
/// gone, ends the ranks with 4 or 2.
int run_agent(const spec::Plan& plan, const spec::Placement& placement, const AgentOptions& options);

/// The slot whose host this is, by the name that Slurm gives this node (or the host's own name). throws: Error::user.
std::int64_t own_slot(const spec::Placement& placement);

}  // namespace muster::node
