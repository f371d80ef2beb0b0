// `muster rehearse JOB`: the real loop of ranks of a plan with tensors that have no data, here and now.
#pragma once

#include <string>

#include "launcher/cli/verb.h"
#include "launcher/plan/plan.h"

namespace muster::rehearse {

/// throws: Error::user (the job, the plan, a rank that is not in it), Error::cluster (muster-rank is not there).
cli::Verb rehearse_verb();

/// Lengths of the answers: --lengths, the job's own, the mean of its published row, or half of what a sample may have.
std::string lengths_of(const std::string& rule, const plan::Planned& planned);

}  // namespace muster::rehearse
