// The beginning of an attempt: the epoch file raised, its folder, key and placement written. Whoever comes later owns
// the run.
#pragma once

#include <string>
#include <vector>

#include "runtime/spec/epoch.h"
#include "runtime/spec/plan.h"

namespace muster::supervise {

struct Attempt {
  spec::RunPaths paths;
  spec::Placement placement;
  std::int64_t number() const { return placement.attempt; }
};

/// Raises the epoch, makes attempt_<n>/ with key (0600) and placement.toml, removes what killed attempts left of
/// theirs. `nodes` by slot. throws: Error::user when an attempt of this run is going on on this machine, the folder
/// cannot be written, or a file or folder of the run is a symbolic link there.
Attempt begin_attempt(const spec::Plan& plan, const std::vector<spec::NodePlace>& nodes);
/// Where the next attempt of this run begins: "resumes after step 12, ...", or "begins again at step 1: ..." and why.
/// The ranks decide by the same rules and compare checksums too, which takes longer: what they found is in the log.
std::string beginning_text(const spec::Plan& plan);
/// Removes the key, which nobody needs any more. Never throws.
void end_attempt(const Attempt& attempt) noexcept;

}  // namespace muster::supervise
