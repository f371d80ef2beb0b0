// Which host stands behind each node slot of an attempt, and who starts the agents there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "launcher/slurm/queries.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/rank_env.h"

namespace muster::supervise {

struct Nodes {
  std::vector<spec::NodePlace> places;  // by slot
  std::string warning = "";             // of places that are not as the plan counts on
  bool by_srun = false;                 // agents are started by srun; otherwise they are children here
};

/// `hosts` so that each run of `segment` of them is in one block, as far as the blocks hold whole segments; what is
/// left over comes last. In Slurm's order otherwise.
std::vector<std::string> by_segments(const std::vector<std::string>& hosts,
                                     const std::vector<slurm::BlockFacts>& blocks, std::int64_t segment);

/// Nodes with ranks: all but the spares, which are the last slots.
std::int64_t working_nodes(const spec::Plan& plan);

/// A place for each slot with ranks. Outside an allocation, or inside one that is this machine alone: here, on the
/// loopback. Otherwise the first hosts of the allocation that are not `left_out`, segments of the plan each within a
/// block, in Slurm's order; a segment that no block holds is warned of. throws: Error::cluster when the allocation is
/// too small.
Nodes decide_nodes(const spec::Plan& plan, const std::optional<spec::SlurmEnv>& slurm, slurm::Queries& queries,
                   const std::vector<std::string>& left_out = {});

/// The address under which the others reach `name` (a host name or a literal): of what the name resolves to here the
/// first that is not the loopback; where this machine's own name resolves to the loopback, the address from which it
/// reaches `other`.
std::string address_of(const std::string& name, const std::string& other);

}  // namespace muster::supervise
