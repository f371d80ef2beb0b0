// `muster rehearse JOB`: the real loop of ranks of a plan with tensors that have no data, here and now.
#pragma once

#include <string>

#include "launcher/cli/options.h"
#include "launcher/plan/plan.h"

namespace muster::rehearse {

/// throws: Error::user (the job, the plan, a rank that is not in it), Error::cluster (muster-rank is not there).
int rehearse_verb(const cli::Options& typed);

/// Lengths of the answers: --lengths, the job's own, the mean of its published row, or half of what a sample may have.
std::string lengths_of(const cli::Options& typed, const plan::Planned& planned);

}  // namespace muster::rehearse
